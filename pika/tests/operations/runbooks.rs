//! Whoever is woken up finds a page that helps: each alert has one, each page says what it should, and its commands exist.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::support::PIKA;
use crate::{files, shipped};

const SECTIONS: [&str; 4] = ["## What you see", "## What to look at", "## What to do", "## When it is over"];

/// Each alert of the shipped rules, with its page.
fn alerts() -> Vec<(String, PathBuf)> {
    let mut alerts = Vec::new();
    for rules in files("deploy/prometheus/rules", ".yml") {
        let text = std::fs::read_to_string(&rules).unwrap();
        for alert in text.split("- alert: ").skip(1) {
            let name = alert.lines().next().unwrap().trim().to_owned();
            let page = alert.lines().find_map(|line| line.trim().strip_prefix("runbook: "));
            alerts.push((name.clone(), shipped(page.unwrap_or_else(|| panic!("{name} names no runbook")))));
        }
    }
    assert!(alerts.len() > 40, "{} alerts", alerts.len());
    alerts
}

fn pages() -> Vec<(PathBuf, String)> {
    files("docs/runbooks", ".md").into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn each_alert_has_a_page_that_names_it_and_each_page_an_alert() {
    let alerts = alerts();
    let used: BTreeSet<&PathBuf> = alerts.iter().map(|(_, page)| page).collect();
    for (alert, page) in &alerts {
        let text = std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{alert}: {}: {error}", page.display()));
        assert!(text.contains(&format!("`{alert}`")), "{} does not name {alert}", page.display());
    }
    for (page, text) in pages() {
        assert!(used.contains(&page), "no alert leads to {}", page.display());
        let sections: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(sections, SECTIONS, "{}", page.display());
        for named in text.split('`').skip(1).step_by(2).filter(|word| word.starts_with("Pika")) {
            assert!(alerts.iter().any(|(alert, _)| alert == named), "{} names {named}, which is no alert", page.display());
        }
    }
}

#[test]
fn each_alert_is_tried_quiet_and_ringing() {
    let tests: String = files("deploy/prometheus/tests", ".yml").iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for (alert, _) in alerts() {
        let story = tests.split("  - name: ").find(|story| story.starts_with(&format!("{alert}\n")));
        let story = story.unwrap_or_else(|| panic!("deploy/prometheus/tests has no story of {alert}"));
        assert!(story.contains("exp_alerts: []"), "{alert} is never tried quiet");
        assert!(story.contains("\"severity\": "), "{alert} is never tried ringing");
    }
}

#[test]
fn what_the_pages_tell_to_run_exists() {
    let mut commands = BTreeSet::new();
    for (page, text) in pages() {
        let spans = text.split('`').skip(1).step_by(2).chain(text.lines());
        for line in spans.filter(|line| line.starts_with("pika ")) {
            let mut words = line.split_whitespace().skip(1).take_while(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
            let command: Vec<String> = words.by_ref().take(1).map(str::to_owned).collect();
            let nested = line.split_whitespace().nth(2).filter(|_| matches!(command[0].as_str(), "admin" | "token")).map(str::to_owned);
            commands.insert((command.into_iter().chain(nested).collect::<Vec<_>>(), page.clone()));
        }
    }
    assert!(commands.len() > 10, "{commands:?}");
    for (command, page) in commands {
        let answer = Command::new(PIKA).args(&command).arg("--help").output().unwrap();
        assert!(answer.status.success(), "{} tells to run `pika {}`, which there is not", page.display(), command.join(" "));
    }
}
