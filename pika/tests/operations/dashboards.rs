//! Each query of each dashboard and rule asks for what there is, against an evening that is on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::files;
use crate::prometheus::{Prometheus, one_machine};
use crate::support::{Dj, PATIENCE, Pika, Socket, http, track};

/// Each query of a dashboard, with where it stands, as Grafana would send it.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for dashboard in files("deploy/grafana/dashboards", ".json") {
        let name = dashboard.file_name().unwrap().to_string_lossy().into_owned();
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&dashboard).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(panel["description"].as_str().is_some_and(|words| !words.is_empty()), "{name}: {} says nothing", panel["title"]);
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
                queries.push((format!("{name}: {}", panel["title"]), query));
            }
        }
    }
    assert!(queries.len() > 90, "{} queries", queries.len());
    queries
}

/// The names of ours that an expression uses.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(|c| !word(c)).filter(|word| word.starts_with("pika_") || word.starts_with("pika:")).map(str::to_owned).collect()
}

/// Every name in the shipped rules and dashboards, with where it stands.
fn used() -> BTreeMap<String, String> {
    let mut used = BTreeMap::new();
    for (place, query) in queries() {
        used.extend(names(&query).into_iter().map(|name| (name, place.clone())));
    }
    for rules in files("deploy/prometheus/rules", ".yml") {
        let text = std::fs::read_to_string(&rules).unwrap();
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with(['#', '-'])).collect::<Vec<_>>().join("\n");
        used.extend(names(&code).into_iter().map(|name| (name, rules.display().to_string())));
    }
    used
}

/// What the rules record.
fn recorded() -> BTreeSet<String> {
    let rules = files("deploy/prometheus/rules", ".yml").into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    rules
        .flat_map(|text| text.split("- record: ").skip(1).map(|rule| rule.lines().next().unwrap().to_owned()).collect::<Vec<_>>())
        .collect()
}

/// A round of an evening: a track, a like, and what a page asks for.
async fn evening(pika: &Pika, dj: &mut Dj, dancer: &mut Socket, round: u32) {
    let title = format!("Track {round}");
    dj.play(&title).await;
    dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track(&title)}})).await;
    for path in ["/api/sessions", "/health", "/"] {
        pika.get(path).await;
    }
}

fn backed_up(data: &Path) {
    let good = json!({"name": "a", "at": "2026-11-20T03:00:00Z", "bytes": 1, "seconds": 1.0});
    std::fs::write(data.join("backup.json"), json!({"good": good, "failed": null}).to_string()).unwrap();
}

#[tokio::test]
async fn each_query_of_each_dashboard_and_rule_asks_for_what_there_is() {
    let pika = Pika::dev_with(&[("PIKA_BUDGETS", "0")]).await;
    backed_up(pika.data.path());
    let prometheus = Prometheus::beside(&one_machine(&pika), str::to_owned).await;
    let mut dj = Dj::live(&pika).await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    // The shortest poll closes by itself after half a minute. A series has to grow before a rate is seen: so rounds go on until all is there.
    dj.open_poll(Some(30)).await;
    let poll = dancer.hear("POLL_STARTED").await["pollId"].clone();
    dancer.ask_ok(json!({"type": "VOTE_ON_POLL", "pollId": poll, "optionIndex": 0})).await;
    let (mut silent, mut round) = (queries(), 0);
    let deadline = tokio::time::Instant::now() + 4 * PATIENCE;
    while !silent.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "no series: {silent:#?}");
        round += 1;
        evening(&pika, &mut dj, &mut dancer, round).await;
        let mut still = Vec::new();
        for (place, query) in silent {
            match dancer.attend(prometheus.ask(&query)).await {
                Ok(0) => still.push((place, query)),
                Ok(_) => {}
                Err(why) => panic!("{place}: {query}: {why}"),
            }
        }
        silent = still;
    }
    let scrape = http().get(format!("{}/metrics", pika.url)).send().await.unwrap().text().await.unwrap();
    let there: BTreeSet<&str> = scrape.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    let recorded = recorded();
    let missing: Vec<_> = used().into_iter().filter(|(name, _)| !there.contains(name.as_str()) && !recorded.contains(name)).collect();
    assert!(missing.is_empty(), "nothing says these: {missing:#?}");

    // Rules that Prometheus evaluates, and that none of them fails.
    let all = prometheus.rules().await;
    assert!(all.len() > 70, "{} rules", all.len());
    for rule in &all {
        assert_eq!(rule["health"], "ok", "{rule}\n{}", prometheus.log());
    }
    // An evening in order rings nothing.
    let ringing: Vec<&Value> = all.iter().filter(|rule| rule["state"] == "firing").map(|rule| &rule["name"]).collect();
    assert!(ringing.is_empty(), "{ringing:?}");
}
