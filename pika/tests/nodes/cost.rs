//! What a delivery costs. Figures of one machine mean nothing on another, so the least that a server can do is measured in the same
//! minute, and what is judged is how often its CPU time a node spends. Time on the wall is not looked at.

use std::time::Duration;

use serde_json::Value;

use crate::support::Crowd;

/// What a node spent of the least server's CPU time when this was last settled, with one message under way and with eight.
const SETTLED: [(&str, f64); 2] = [("fan-out to 1000, 1 under way", 1.8), ("fan-out to 1000, 8 under way", 2.2)];
/// Twice that is no noise any more.
const WORSE: f64 = 2.0;
const PATIENCE: Duration = Duration::from_secs(120);

fn cost(report: &Value, row: &str, peer: &str) -> f64 {
    let measured = report["measured"].as_array().unwrap().iter();
    let samples = measured.clone().find(|m| m["row"] == row && m["peer"] == peer);
    let samples = samples.unwrap_or_else(|| panic!("{row} of {peer} was not measured"));
    // The least of them: whatever else runs on this machine only makes a round dearer.
    samples["samples"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).fold(f64::MAX, f64::min)
}

#[tokio::test]
async fn a_delivery_costs_no_more_than_it_did() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let core = (cores - 1).to_string();
    let args = ["bench", "--quick", "--rounds", "2", "--only", "fanout", "--sockets", "1000", "--peers", "bare,pika"];
    let args = args.into_iter().chain(["--client-core", core.as_str()]).map(str::to_owned).collect::<Vec<_>>();
    let account = Crowd::start(&args).account(PATIENCE).await;
    assert!(account.status.success(), "the bench ended with {}", account.status);
    for (row, settled) in SETTLED {
        let ratio = cost(&account.report, row, "Pika") / cost(&account.report, row, "bare");
        assert!(ratio > 0.0 && ratio < WORSE * settled, "{row}: {ratio:.1} × the least server's CPU time; it was {settled}");
        eprintln!("{row}: {ratio:.1} × the least server's CPU time");
    }
}
