//! The program as people start it. What it finds out about a server is shown by the stories that play it against one.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pika-loadtest")).args(args).output().unwrap()
}

#[test]
fn a_test_that_cannot_run_is_no_verdict() {
    // Port 1 of loopback: nobody serves there.
    for args in [["evening", "--url", "http://127.0.0.1:1"], ["slow", "--url", "http://127.0.0.1:1"], ["evening", "--url", "gopher://x"]] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("pika-loadtest: "));
    }
}

#[test]
fn every_scenario_explains_itself() {
    for scenario in ["evening", "slow"] {
        let output = run(&[scenario, "--help"]);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("--url"));
    }
}
