//! A real Prometheus with the shipped configuration and rules, which looks every second instead of every quarter of a minute.

use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Pika, http, until};
use crate::{files, free_port, shipped};

pub struct Prometheus {
    pub url: String,
    dir: TempDir,
    _child: Child,
}

/// The targets of one machine, as shipped, with this process in the place of theirs.
pub fn one_machine(pika: &Pika) -> String {
    let targets = std::fs::read_to_string(shipped("deploy/prometheus/targets/pika.yml")).unwrap();
    let here = targets.replace("pika:3001", pika.url.trim_start_matches("http://"));
    assert_ne!(targets, here);
    here
}

impl Prometheus {
    /// With the rules as `paced` gives them.
    pub async fn beside(targets: &str, paced: impl Fn(&str) -> String) -> Prometheus {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["rules", "targets"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for rules in files("deploy/prometheus/rules", ".yml") {
            let text = std::fs::read_to_string(&rules).unwrap();
            std::fs::write(dir.path().join("rules").join(rules.file_name().unwrap()), paced(&text)).unwrap();
        }
        let port = free_port();
        let config = std::fs::read_to_string(shipped("deploy/prometheus/prometheus.yml")).unwrap();
        let hurried = config.replace("_interval: 15s", "_interval: 1s").replace("_timeout: 10s", "_timeout: 1s");
        assert_ne!(config, hurried);
        let hurried = hurried.replace("localhost:9090", &format!("127.0.0.1:{port}"));
        std::fs::write(dir.path().join("prometheus.yml"), hurried).unwrap();
        std::fs::write(dir.path().join("targets/pika.yml"), targets).unwrap();
        let child = Command::new("prometheus")
            .current_dir(dir.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", &format!("--web.listen-address=127.0.0.1:{port}")])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .expect("prometheus is needed: `deploy/tools.sh prometheus` installs it");
        let prometheus = Prometheus { url: format!("http://127.0.0.1:{port}"), dir, _child: child };
        until("prometheus", async || http().get(format!("{}/-/ready", prometheus.url)).send().await.ok()?.error_for_status().ok()).await;
        prometheus
    }

    /// How many series a query gives, or why it is none.
    pub async fn ask(&self, query: &str) -> Result<usize, String> {
        let url = reqwest::Url::parse_with_params(&format!("{}/api/v1/query", self.url), [("query", query)]).unwrap();
        let answer = http().get(url).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        match answer["data"]["result"].as_array() {
            Some(series) if answer["status"] == "success" => Ok(series.len()),
            Some(_) | None => Err(answer["error"].to_string()),
        }
    }

    /// Every rule, as Prometheus has evaluated it.
    pub async fn rules(&self) -> Vec<Value> {
        let rules: Value = http().get(format!("{}/api/v1/rules", self.url)).send().await.unwrap().json().await.unwrap();
        let groups = rules["data"]["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }

    /// Whether this alert rings.
    pub async fn rings(&self, alert: &str) -> bool {
        self.ask(&format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}")).await.unwrap() > 0
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}
