//! The publish API as a DJ's program uses it: one message, repeated under its own id until the answer is final.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::ledger::{Recap, RecapTrack};
use crate::shared::Shared;
use schemas::Seq;
use schemas::server::TempoCount;

/// A message that is not stored after this long ends the run: the load test would judge nothing.
const GIVE_UP: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Where HTTP is spoken: the publish API, and what answers questions. Each is one address or several that stand for one.
pub struct Doors {
    pub ingest: Vec<String>,
    pub api: Vec<String>,
}

pub struct Publisher {
    http: reqwest::Client,
    doors: Doors,
    /// Which of them is asked: the next one after each that did not answer.
    turn: AtomicUsize,
    pub session: String,
    pub owner_token: String,
}

impl Publisher {
    /// Goes live. `token`: of a registered DJ, where the server wants one.
    pub async fn go_live(doors: Doors, token: Option<&str>, dj_name: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let base = doors.ingest.first().context("no address of a server")?;
        let mut request = http.post(format!("{base}/api/sessions")).json(&json!({ "djName": dj_name }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.with_context(|| format!("no server answers at {base}"))?;
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if !status.is_success() {
            bail!("could not go live: {status} {}", body["error"].as_str().unwrap_or(""));
        }
        let text = |field: &str| body[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in the answer"));
        let (session, owner_token) = (text("sessionId")?, text("ownerToken")?);
        Ok(Publisher { session, owner_token, doors, turn: AtomicUsize::new(0), http })
    }

    fn door<'a>(&self, doors: &'a [String]) -> &'a str {
        &doors[self.turn.load(Relaxed) % doors.len()]
    }

    /// Returns the message's place once it is stored, where the answer knows it; `Err` for a final refusal.
    pub async fn say(&self, shared: &Shared, mut message: Value, id: &str) -> anyhow::Result<Option<Seq>> {
        message["messageId"] = json!(id);
        message["sessionId"] = json!(self.session);
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let problem = match self.once(&message).await {
                Ok(Ok(seq)) => {
                    shared.meter.publish.record(began.elapsed());
                    return Ok(seq);
                }
                Ok(Err(retry)) => retry,
                Err(e) => bail!("{id}: {e}"),
            };
            shared.meter.nack(&format!("publish: {problem}"));
            self.turn.fetch_add(1, Relaxed);
            if began.elapsed() > GIVE_UP {
                bail!("{id}: {problem}, for {GIVE_UP:?}");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// `Ok(Err(_))`: try again; `Err(_)`: never.
    async fn once(&self, message: &Value) -> anyhow::Result<Result<Option<Seq>, String>> {
        let url = format!("{}/api/sessions/{}/messages", self.door(&self.doors.ingest), self.session);
        let response = match self.http.post(url).bearer_auth(&self.owner_token).json(message).send().await {
            Ok(response) => response,
            Err(e) => return Ok(Err(if e.is_timeout() { "time-out".to_owned() } else { "no connection".to_owned() })),
        };
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if matches!(status.as_u16(), 408 | 429) || status.is_server_error() {
            return Ok(Err(body["error"].as_str().unwrap_or(status.as_str()).to_owned()));
        }
        if !status.is_success() {
            bail!("{status} {}", body["error"].as_str().unwrap_or(""));
        }
        let result = &body["results"][0];
        match (result["status"].as_str(), result["code"].as_str()) {
            (Some("ok"), _) => Ok(Ok(result["seq"].as_u64())),
            (_, Some(code @ ("track_rate" | "rate" | "unavailable"))) => Ok(Err(code.to_owned())),
            _ => bail!("refused: {result}"),
        }
    }

    pub async fn recap(&self) -> anyhow::Result<Recap> {
        let url = format!("{}/api/sessions/{}/recap", self.door(&self.doors.api), self.session);
        let asked = self.http.get(url).bearer_auth(&self.owner_token).send().await.and_then(|answer| answer.error_for_status());
        let answer = asked.inspect_err(|_| {
            self.turn.fetch_add(1, Relaxed);
        })?;
        Ok(read_recap(&answer.json().await?))
    }

    pub async fn end(&self, shared: &Arc<Shared>) -> anyhow::Result<()> {
        self.say(shared, json!({"type": "END_SESSION"}), "end").await.map(drop)
    }
}

fn read_recap(body: &Value) -> Recap {
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let tracks = list(&body["tracks"])
        .iter()
        .map(|t| {
            let tempo = |wish: &str| t["tempo"][wish].as_u64().unwrap_or(0);
            RecapTrack {
                title: t["title"].as_str().unwrap_or_default().to_owned(),
                likes: t["likes"].as_u64().unwrap_or(0),
                tempo: TempoCount { faster: tempo("faster"), slower: tempo("slower"), perfect: tempo("perfect") },
            }
        })
        .collect();
    let polls = list(&body["polls"])
        .iter()
        .filter_map(|p| {
            let id = p["id"].as_u64().or_else(|| p["id"].as_str()?.parse().ok())?;
            Some((id, list(&p["votes"]).iter().filter_map(Value::as_u64).collect()))
        })
        .collect();
    Recap { tracks, polls }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recap_is_read_with_and_without_tempo() {
        let recap = read_recap(&json!({
            "tracks": [{"title": "A", "likes": 3, "tempo": null}, {"title": "B", "likes": 0, "tempo": {"slower": 1, "perfect": 2, "faster": 3}}],
            "polls": [{"id": 9, "votes": [1, 0]}, {"id": "10", "votes": [0, 2]}],
        }));
        assert_eq!((recap.tracks[0].likes, recap.tracks[1].tempo), (3, TempoCount { faster: 3, slower: 1, perfect: 2 }));
        assert_eq!(recap.polls, [(9, vec![1, 0]), (10, vec![0, 2])].into());
    }
}
