//! The server over HTTP, as a DJ's program needs it: go live, publish, read the recap.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::queue::{Item, Outcome, Said};

/// Longer than a server takes to give up on its broker.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A session that this DJ owns.
#[derive(Clone, Serialize, Deserialize)]
pub struct Live {
    pub session: String,
    pub dj_name: String,
    pub owner_token: String,
    pub join_url: String,
    pub join_code: String,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("session", &self.session).field("dj_name", &self.dj_name).finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub struct Server {
    pub base: String,
    http: reqwest::Client,
}

/// What a batch came to: an outcome to go on with, or an end.
pub enum Published {
    Outcome(Outcome),
    /// The server will never take anything of this session again.
    Over(String),
}

impl Server {
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let base = base(url)?;
        // Another part of the program may have chosen already; one choice is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http =
            reqwest::Client::builder().timeout(ANSWER_WITHIN).connect_timeout(Duration::from_secs(5)).user_agent("pika-dj").build()?;
        Ok(Server { base, http })
    }

    pub fn socket_url(&self) -> String {
        format!("ws{}/ws", self.base.trim_start_matches("http"))
    }

    pub fn recap_url(&self, session: &str) -> String {
        format!("{}/s/{session}/recap", self.base)
    }

    /// `message_id` makes a repeat of a request whose answer was lost the same session.
    pub async fn go_live(&self, name: &str, session: Option<&str>, token: Option<&str>, message_id: &str) -> anyhow::Result<Live> {
        let mut body = json!({"djName": name, "messageId": message_id});
        if let Some(session) = session {
            body["sessionId"] = json!(session);
        }
        let mut request = self.http.post(format!("{}/api/sessions", self.base)).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|e| anyhow::anyhow!("no Pika server answers at {}: {}", self.base, plain(&e)))?;
        let status = response.status();
        let body: Value = response.json().await.unwrap_or_default();
        if !status.is_success() {
            bail!("{}", refusal(status, &body));
        }
        let text = |field: &str| {
            body[field].as_str().map(str::to_owned).with_context(|| format!("{} is no Pika server: its answer has no {field}", self.base))
        };
        Ok(Live {
            session: text("sessionId")?,
            dj_name: text("djName")?,
            owner_token: text("ownerToken")?,
            join_url: text("joinUrl").unwrap_or_default(),
            join_code: text("joinCode").unwrap_or_default(),
        })
    }

    pub async fn publish(&self, live: &Live, batch: &[Item]) -> Published {
        let messages: Vec<Value> = batch
            .iter()
            .map(|item| {
                let mut message = item.message.clone();
                message["messageId"] = json!(item.id);
                message["sessionId"] = json!(live.session);
                message
            })
            .collect();
        let url = format!("{}/api/sessions/{}/messages", self.base, live.session);
        let response = match self.http.post(url).bearer_auth(&live.owner_token).json(&messages).send().await {
            Ok(response) => response,
            Err(e) => return Published::Outcome(Outcome::Unknown(plain(&e), None)),
        };
        let (status, wait) = (response.status(), retry_after(&response));
        match response.json::<Value>().await {
            Ok(body) => judge(status, wait, &body),
            Err(e) if status.is_success() => Published::Outcome(Outcome::Unknown(plain(&e), None)),
            Err(_) => judge(status, wait, &Value::Null),
        }
    }

    pub async fn recap(&self, live: &Live) -> anyhow::Result<Value> {
        let url = format!("{}/api/sessions/{}/recap", self.base, live.session);
        Ok(self.http.get(url).bearer_auth(&live.owner_token).send().await?.error_for_status()?.json().await?)
    }
}

/// What an answer means for the queue.
fn judge(status: StatusCode, wait: Option<Duration>, body: &Value) -> Published {
    if status.is_success() {
        let results = body["results"].as_array().cloned().unwrap_or_default();
        if let Some(over) =
            results.iter().find(|r| matches!(r["code"].as_str(), Some("session_over" | "session_not_found" | "not_owner" | "unauthorized")))
        {
            return Published::Over(over["error"].as_str().unwrap_or("the session is over").to_owned());
        }
        return Published::Outcome(Outcome::Answered(results.iter().map(said).collect()));
    }
    match status.as_u16() {
        401 | 403 | 404 | 410 => Published::Over(refusal(status, body)),
        400 | 413 | 422 => {
            Published::Outcome(Outcome::Answered(vec![Said::Refused(refusal(status, body)); schemas::limits::BATCH_MESSAGES]))
        }
        _ => Published::Outcome(Outcome::Unknown(refusal(status, body), wait)),
    }
}

fn said(result: &Value) -> Said {
    let words = || result["error"].as_str().unwrap_or("refused").to_owned();
    match (result["status"].as_str(), result["code"].as_str()) {
        (Some("ok"), _) => Said::Stored,
        (_, Some("track_rate" | "rate" | "unavailable" | "internal")) => Said::Later(words()),
        _ => Said::Refused(words()),
    }
}

fn refusal(status: StatusCode, body: &Value) -> String {
    let words = body["error"].as_str().map(str::to_owned).unwrap_or_else(|| format!("the server answers {status}"));
    match body["code"].as_str() {
        Some("anonymous_refused") => format!("{words} (--token, or PIKA_DJ_TOKEN)"),
        Some("session_taken") => format!("{words}: choose another --session"),
        _ => words,
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// An error of the network in a few words, without the URL.
fn plain(e: &reqwest::Error) -> String {
    if e.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = e;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn base(url: &str) -> anyhow::Result<String> {
    let parsed = Url::parse(url).ok().filter(|u| u.has_host());
    let parsed = parsed.with_context(|| format!("--server {url} is not a URL; an example is https://pika.example.org"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        bail!("--server must begin with http:// or https://, not {}://", parsed.scheme());
    }
    Ok(parsed.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: Value) -> Outcome {
        match judge(StatusCode::from_u16(status).expect("a status"), None, &body) {
            Published::Outcome(outcome) => outcome,
            Published::Over(words) => panic!("over: {words}"),
        }
    }

    #[test]
    fn each_answer_becomes_what_the_queue_needs() {
        let mixed = json!({"results": [{"status": "ok", "seq": 4}, {"status": "error", "code": "track_rate", "error": "wait"}, {"status": "error", "code": "poll_active", "error": "busy"}]});
        assert_eq!(outcome(200, mixed), Outcome::Answered(vec![Said::Stored, Said::Later("wait".into()), Said::Refused("busy".into())]));
        assert_eq!(outcome(503, json!({"error": "Temporarily unavailable"})), Outcome::Unknown("Temporarily unavailable".into(), None));
        assert!(matches!(outcome(502, Value::Null), Outcome::Unknown(..)));
        for (status, body) in
            [(404, json!({"error": "Session has ended"})), (200, json!({"results": [{"status": "error", "code": "session_over"}]}))]
        {
            assert!(matches!(judge(StatusCode::from_u16(status).expect("a status"), None, &body), Published::Over(_)));
        }
    }

    #[test]
    fn urls_are_checked_and_cut() {
        assert_eq!(base("https://pika.example.org/").ok().as_deref(), Some("https://pika.example.org"));
        for bad in ["pika", "ftp://x", "http://", ""] {
            assert!(base(bad).is_err(), "{bad:?} was admitted");
        }
        let server = Server::new("https://pika.example.org").expect("a good URL");
        assert_eq!(server.socket_url(), "wss://pika.example.org/ws");
    }
}
