//! When nobody can tell: the audit says why and ends with 2, and changes nothing.

use std::ffi::OsStr;

use serde_json::json;

use crate::evening::{audit, counted, evening, stage, tool};
use crate::support::{Dj, Nats, Pika, attempt};

#[tokio::test]
async fn what_cannot_be_told_is_said() {
    let pika = stage().await;
    let unknown = tool(&pika, &["audit", "never-heard-of"]).await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(2), ""), "{unknown:?}");
    assert!(unknown.stderr.contains("known neither to the log nor to the store"), "{unknown:?}");

    let dj = evening(&pika).await;
    counted(&pika, &dj.session, 4).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let nowhere = attempt(elsewhere.path(), &["audit", &dj.session, "--nats", &pika.nats_url()], &[]).await;
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("there is no store at"), "{nowhere:?}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "looking for a store made one");

    let (run, store) = (audit(&pika, &dj.session).await.1["run"].to_string(), format!("sqlite:{}", pika.file("pika.sqlite").display()));
    let named = attempt(elsewhere.path(), &["audit", &dj.session, "--nats", &pika.nats_url(), "--store", &store], &[]).await;
    assert_eq!(named.code, Some(0), "{named:?}");
    let other_run = tool(&pika, &["audit", &dj.session, "--run", "1000000"]).await;
    assert_eq!(other_run.code, Some(2));
    assert!(other_run.stderr.contains(&format!("it holds {run}")), "{other_run:?}");

    // The log lets go of its beginning, as it does after thirty days.
    let client = async_nats::connect(pika.nats_url()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("LIVE").await.unwrap();
    let keep = run.parse::<u64>().unwrap() + 1;
    stream.purge().sequence(keep).await.unwrap();
    let (code, report) = audit(&pika, &dj.session).await;
    assert_eq!(code, Some(2));
    assert!(report["couldNotTell"].as_str().unwrap().contains("the log no longer holds the begin of run"), "{report}");
}

#[tokio::test]
async fn a_broker_that_is_away_or_somebody_elses_is_left_as_it_is() {
    let mut pika = stage().await;
    let dj = Dj::live(&pika).await;
    assert!(pika.terminate().await);
    let away = tool(&pika, &["audit", &dj.session]).await;
    assert_eq!(away.code, Some(2));
    assert!(away.stderr.contains("is it running?"), "{away:?}");

    let stranger = Nats::start().await;
    let store = format!("sqlite:{}", pika.file("pika.sqlite").display());
    let other = [("PIKA_NATS", OsStr::new(&format!("[\"{}\"]", stranger.url)).to_owned())];
    let other = other.each_ref().map(|(key, value)| (*key, value.as_os_str()));
    let wrong = attempt(pika.data.path(), &["audit", &dj.session, "--store", &store], &other).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let client = async_nats::connect(&stranger.url).await.unwrap();
    let made = async_nats::jetstream::new(client).get_stream("LIVE").await;
    assert!(made.is_err(), "looking at a broker made a log there");
}

#[tokio::test]
async fn a_store_that_is_behind_is_compared_where_it_stands() {
    let nats = Nats::start().await;
    let data = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let role = async |role| Pika::role(role, &nats, &data, &[("PIKA_BUDGETS", "0")]).await;
    let mut workers = role(crate::support::Role::Workers).await;
    let ingest = role(crate::support::Role::Ingest).await;
    let mut dj = Dj::live(&ingest).await;
    dj.play("Folded").await;
    let url = [("PIKA_NATS", format!("[\"{}\"]", nats.url))];
    let look = async |wait: &str| {
        let settings: Vec<(&str, &OsStr)> = url.iter().map(|(key, value)| (*key, OsStr::new(value))).collect();
        let audited = attempt(data.path(), &["audit", &dj.session, "--json", "--wait", wait, "--data", "."], &settings).await;
        (audited.code, serde_json::from_str::<serde_json::Value>(&audited.stdout).unwrap())
    };
    let (code, report) = look("15").await;
    assert_eq!((code, &report["behind"], &report["plays"]), (Some(0), &json!(false), &json!(1)), "{report:#}");
    workers.kill().await;
    dj.play("Not folded yet").await;
    let look = async |wait: &str| {
        let settings: Vec<(&str, &OsStr)> = url.iter().map(|(key, value)| (*key, OsStr::new(value))).collect();
        let audited = attempt(data.path(), &["audit", &dj.session, "--json", "--wait", wait, "--data", "."], &settings).await;
        (audited.code, serde_json::from_str::<serde_json::Value>(&audited.stdout).unwrap())
    };
    let (code, report) = look("0").await;
    assert_eq!((code, &report["behind"], &report["plays"]), (Some(0), &json!(true), &json!(1)), "{report:#}");
    assert!(report["position"].as_u64() < report["end"].as_u64());
    workers.restart().await;
    let (code, report) = look("15").await;
    assert_eq!((code, &report["behind"], &report["plays"]), (Some(0), &json!(false), &json!(2)), "{report:#}");
}
