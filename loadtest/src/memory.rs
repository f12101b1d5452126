//! What the server's nodes say of themselves at `/metrics`, over time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use crate::meter::held;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A node that is busy may take this long to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// All nodes at one moment, added up.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    pub seconds: f64,
    pub resident_bytes: u64,
    pub connections: u64,
    /// Sockets that the server closed because they took nothing.
    pub closed_as_slow: u64,
}

pub struct Memory {
    http: reqwest::Client,
    nodes: Vec<String>,
    began: Instant,
    looks: Mutex<Vec<Look>>,
}

impl Memory {
    /// Fails where a node does not say how much memory it has.
    pub async fn watch(nodes: &[String], began: Instant) -> anyhow::Result<Arc<Memory>> {
        let http = reqwest::Client::builder().timeout(ANSWER_WITHIN).build()?;
        let nodes = nodes.iter().map(|url| format!("{}/metrics", url.trim_end_matches('/'))).collect();
        let memory = Arc::new(Memory { http, nodes, began, looks: Mutex::default() });
        memory.look().await?;
        Ok(memory)
    }

    /// Looks again and again, for ever.
    pub async fn run(self: Arc<Self>) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        loop {
            every.tick().await;
            if let Err(e) = self.look().await {
                eprintln!("no look at the server: {e:#}");
            }
        }
    }

    pub async fn look(&self) -> anyhow::Result<Look> {
        let mut look = Look { seconds: self.began.elapsed().as_secs_f64(), ..Look::default() };
        for node in &self.nodes {
            let text = self.http.get(node).send().await.with_context(|| node.clone())?.error_for_status()?.text().await?;
            look.resident_bytes += sum(&text, "pika_process_resident_bytes", "").with_context(|| format!("{node} tells no memory"))? as u64;
            look.connections += sum(&text, "pika_connections", "").unwrap_or(0.0) as u64;
            look.closed_as_slow += sum(&text, "pika_socket_closes_total", "slow").unwrap_or(0.0) as u64;
        }
        held(&self.looks).push(look);
        Ok(look)
    }

    /// Every look since then.
    pub fn since(&self, seconds: f64) -> Vec<Look> {
        held(&self.looks).iter().filter(|look| look.seconds >= seconds).copied().collect()
    }
}

/// The sum over a metric's lines whose labels contain these words.
fn sum(text: &str, name: &str, words: &str) -> Option<f64> {
    let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name) && line.contains(words));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_metric_are_added_up() {
        let text =
            "# TYPE a gauge\na{form=\"json\"} 2\na{form=\"msgpack\"} 3\nab 9\nb{reason=\"reading too slowly\"} 4\nb{reason=\"x\"} 1\n";
        assert_eq!((sum(text, "a", ""), sum(text, "b", "slow"), sum(text, "c", "")), (Some(5.0), Some(4.0), None));
    }
}
