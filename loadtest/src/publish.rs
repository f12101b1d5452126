//! The publish API as a DJ's program uses it: one message, repeated under its own id until the answer is final.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::ledger::{Recap, RecapTrack};
use crate::shared::Shared;
use schemas::server::TempoCount;

/// A message that is not stored after this long ends the run: the load test would judge nothing.
const GIVE_UP: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Publisher {
    http: reqwest::Client,
    base: String,
    pub session: String,
    pub owner_token: String,
}

impl Publisher {
    /// Goes live. `token`: of a registered DJ, where the server wants one.
    pub async fn go_live(base: &str, token: Option<&str>, dj_name: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
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
        Ok(Publisher { session: text("sessionId")?, owner_token: text("ownerToken")?, base: base.to_owned(), http })
    }

    /// Returns once the message is stored; `Err` for a final refusal.
    pub async fn say(&self, shared: &Shared, mut message: Value, id: &str) -> anyhow::Result<()> {
        message["messageId"] = json!(id);
        message["sessionId"] = json!(self.session);
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let problem = match self.once(&message).await {
                Ok(Ok(())) => {
                    shared.meter.publish.record(began.elapsed());
                    return Ok(());
                }
                Ok(Err(retry)) => retry,
                Err(e) => bail!("{id}: {e}"),
            };
            shared.meter.nack(&format!("publish: {problem}"));
            if began.elapsed() > GIVE_UP {
                bail!("{id}: {problem}, for {GIVE_UP:?}");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// `Ok(Err(_))`: try again; `Err(_)`: never.
    async fn once(&self, message: &Value) -> anyhow::Result<Result<(), String>> {
        let url = format!("{}/api/sessions/{}/messages", self.base, self.session);
        let response = match self.http.post(url).bearer_auth(&self.owner_token).json(message).send().await {
            Ok(response) => response,
            Err(e) => return Ok(Err(if e.is_timeout() { "time-out".to_owned() } else { "no connection".to_owned() })),
        };
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if status.as_u16() == 429 || status.is_server_error() {
            return Ok(Err(body["error"].as_str().unwrap_or(status.as_str()).to_owned()));
        }
        if !status.is_success() {
            bail!("{status} {}", body["error"].as_str().unwrap_or(""));
        }
        let result = &body["results"][0];
        match (result["status"].as_str(), result["code"].as_str()) {
            (Some("ok"), _) => Ok(Ok(())),
            (_, Some(code @ ("track_rate" | "rate" | "unavailable"))) => Ok(Err(code.to_owned())),
            _ => bail!("refused: {result}"),
        }
    }

    pub async fn recap(&self) -> anyhow::Result<Recap> {
        let url = format!("{}/api/sessions/{}/recap", self.base, self.session);
        let response = self.http.get(url).bearer_auth(&self.owner_token).send().await?.error_for_status()?;
        Ok(read_recap(&response.json().await?))
    }

    pub async fn end(&self, shared: &Arc<Shared>) -> anyhow::Result<()> {
        self.say(shared, json!({"type": "END_SESSION"}), "end").await
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
