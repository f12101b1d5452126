//! Push services: one request for one browser, and what its answer means.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};

use crate::addresses::Public;
use crate::config::Config;
use crate::error::PushError;
use crate::metrics;

/// What the service says of one push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// The browser is not there any more.
    Gone,
    /// It has too much of this browser; ask again after this long, if it says how long.
    Wait(Option<Duration>),
    /// It has too much; ask again after this long.
    Busy(Duration),
    Failed,
    /// It will never take this.
    Refused(u16),
}

/// The way to all of them. What they say beside their status is not read.
pub(crate) struct PushServices {
    http: Client,
}

/// What one request carries.
pub(crate) struct Parcel {
    pub to: Url,
    pub authorization: String,
    pub sealed: Vec<u8>,
    /// How long the service may keep it for a browser that is away.
    pub ttl: Duration,
    /// A later one under the same topic replaces it at the service.
    pub topic: String,
}

impl PushServices {
    pub fn new(config: &Config) -> Result<Self, PushError> {
        let public = Public { named: Arc::new(config.services.named_hosts()) };
        // A proxy or a redirect would lead where no address was judged.
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(config.deadline)
            .dns_resolver(Arc::new(public))
            .user_agent("Pika")
            .build();
        Ok(PushServices { http: http.map_err(|error| PushError::Setup(format!("no client for push services: {error}")))? })
    }

    pub async fn send(&self, parcel: Parcel) -> Answer {
        let asked = Instant::now();
        let request = self
            .http
            .post(parcel.to)
            .header("authorization", parcel.authorization)
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("ttl", parcel.ttl.as_secs())
            .header("urgency", "high")
            .header("topic", parcel.topic)
            .body(parcel.sealed);
        let answered = request.send().await;
        metrics::asked(asked.elapsed());
        match answered {
            Ok(response) => meaning(response.status(), response.headers()),
            // Without the address, which lets whoever knows it push.
            Err(error) => {
                tracing::debug!(error = %error.without_url(), "a push service did not answer");
                Answer::Failed
            }
        }
    }
}

fn meaning(status: StatusCode, headers: &HeaderMap) -> Answer {
    match status.as_u16() {
        200..300 => Answer::Accepted,
        404 | 410 => Answer::Gone,
        429 => Answer::Wait(retry_after(headers)),
        500.. => retry_after(headers).map_or(Answer::Failed, Answer::Busy),
        other => Answer::Refused(other),
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let until = |at: SystemTime| at.duration_since(SystemTime::now()).unwrap_or_default();
    text.parse().map(Duration::from_secs).ok().or_else(|| httpdate::parse_http_date(text).ok().map(until))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(status: u16, retry: Option<&str>) -> Answer {
        let headers = retry.map(|text| (RETRY_AFTER, text.parse().unwrap())).into_iter().collect();
        meaning(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn every_answer_has_a_meaning() {
        assert_eq!([200, 201, 202].map(|status| said(status, None)), [Answer::Accepted; 3]);
        assert_eq!([404, 410].map(|status| said(status, None)), [Answer::Gone; 2]);
        assert_eq!([500, 502, 503].map(|status| said(status, None)), [Answer::Failed; 3]);
        assert_eq!([301, 400, 401, 403, 413].map(|status| said(status, None)), [301, 400, 401, 403, 413].map(Answer::Refused));
        assert_eq!(said(429, Some("7")), Answer::Wait(Some(Duration::from_secs(7))));
        assert_eq!(said(503, Some(" 7 ")), Answer::Busy(Duration::from_secs(7)));
        assert_eq!(said(429, Some("soon")), Answer::Wait(None));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        assert!(matches!(said(429, Some(&date)), Answer::Wait(Some(wait)) if (80..=90).contains(&wait.as_secs())), "{date}");
        assert_eq!(said(429, Some("Thu, 01 Jan 1970 00:00:00 GMT")), Answer::Wait(Some(Duration::ZERO)));
    }
}
