//! What is kept for a time is let go of when that time is over, as the settings say, and counted.

use schemas::{AccountId, Millis, SessionId};
use store::contract::people::{entry, secret};
use store::contract::sample::{ended, evening, pos};
use store::sqlite::Sqlite;
use store::{Audit, AuditEntry, Live, SecretKind, Secrets};

use crate::shipped;
use crate::support::{Pika, until};

const DAY: i64 = 86_400_000;

/// An evening that ended so many days ago, as the fold left it.
async fn ended_days_ago(store: &Sqlite, id: &str, days: i64) -> SessionId {
    let session = SessionId::parse(id).unwrap();
    let mut changes = evening(&session, 10, pos(95));
    changes.runs = changes.runs.into_iter().map(|run| ended(run, Millis::now().plus(-days * DAY))).collect();
    changes.upto = pos(0);
    store.save(&changes).await.unwrap();
    session
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_and_is_counted() {
    let settings = [
        ("PIKA_STREAM_DAYS", "9"),
        ("PIKA_EVENING_DAYS", "17"),
        ("PIKA_AUDIT_DAYS", "30"),
        ("PIKA_SWEEP_SECONDS", "1"),
        ("PIKA_LOG", "info"),
    ];
    let pika = Pika::dev_with(&settings).await;
    pika.ready().await;
    let store = Sqlite::open(&pika.file("pika.sqlite")).unwrap();
    let (old, young) = (ended_days_ago(&store, "eighteen-days", 18).await, ended_days_ago(&store, "sixteen-days", 16).await);
    let ada = AccountId::random();
    for (nth, days) in [(1, 31), (2, 29)] {
        store.note(&AuditEntry { at: Millis::now().plus(-days * DAY), ..entry(Some(ada), nth) }).await.unwrap();
    }
    let mut expired = secret(SecretKind::Session, Some(ada), 'a');
    expired.expires_at = Millis::now().plus(-1);
    store.add_secret(&expired).await.unwrap();

    let removed = async |kind: &str| pika.metric("pika_retention_removed_total", &format!("kind=\"{kind}\"")).await;
    for kind in ["evening", "audit", "secret"] {
        until(kind, async || (removed(kind).await >= 1.0).then_some(())).await;
    }
    assert_eq!(store.run(&old).await, Ok(None));
    assert_eq!(pika.get(&format!("/api/sessions/{old}/recap")).await.0, 404);
    let (status, recap) = pika.get(&format!("/api/sessions/{young}/recap")).await;
    assert_eq!(status, 200, "{recap}");
    let left: Vec<String> = store.audit_of(ada, 9).await.unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(left, ["entry-2"]);
    assert_eq!((removed("evening").await, removed("audit").await), (1.0, 1.0), "the rest stays");
    for words in ["1 evening", "1 audit"] {
        until(words, async || pika.log.says(words).then_some(())).await;
    }

    let client = async_nats::connect(pika.nats_url()).await.unwrap();
    let log = async_nats::jetstream::new(client).get_stream("LIVE").await.unwrap();
    assert_eq!(log.cached_info().config.max_age.as_secs(), 9 * 86_400);
}

/// The page for operators names each kind that is counted, and each setting.
#[test]
fn every_kind_stands_in_the_table() {
    let page = std::fs::read_to_string(shipped("docs/operations.md")).unwrap();
    let (_, table) = page.split_once("\n## What is kept, and how long\n").expect("a part on retention");
    let table = table.split("\n## ").next().unwrap();
    for kind in store::Kind::ALL {
        assert!(table.contains(&format!("`{}`", kind.name())), "{kind:?} is missing");
    }
    for setting in ["stream_days", "evening_days", "audit_days", "token_unused_days", "session_days", "log_days"] {
        assert!(table.contains(&format!("`{setting}`")), "{setting} is missing");
    }
}
