//! A push service that a story scripts, and browsers that can read what it was given. Another implementation of the encryption than the
//! product's opens it, so that one mistake does not hide another.
#![allow(dead_code)] // Each test binary uses a part of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;
use web_push_native::{Auth, decrypt};

/// What the service answers to one request.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    Status(u16),
    /// With a status and a `Retry-After` in seconds.
    After(u16, u64),
    /// Nothing until the gate is opened, then 201.
    Held,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub browser: String,
    pub at: Instant,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Kept {
    replies: Mutex<HashMap<String, Vec<Reply>>>,
    parcels: Mutex<Vec<Parcel>>,
    gate: Notify,
}

pub struct PushService {
    pub origin: String,
    kept: Arc<Kept>,
}

impl PushService {
    pub async fn start() -> PushService {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::new(Kept::default());
        let router = Router::new().route("/{browser}", post(take)).with_state(kept.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        PushService { origin, kept }
    }

    /// What this browser's next requests are answered with; after these, 201.
    pub fn script(&self, browser: &str, replies: &[Reply]) {
        self.kept.replies.lock().unwrap().insert(browser.to_owned(), replies.iter().rev().copied().collect());
    }

    pub fn open_gate(&self) {
        self.kept.gate.notify_waiters();
    }

    /// What came for a browser, in order.
    pub fn parcels(&self, browser: &str) -> Vec<Parcel> {
        self.kept.parcels.lock().unwrap().iter().filter(|parcel| parcel.browser == browser).cloned().collect()
    }

    pub fn browser(&self, name: &str) -> Browser {
        let secret = SecretKey::from_slice(&rand::random::<[u8; 32]>()).unwrap();
        Browser { name: name.to_owned(), endpoint: format!("{}/{name}", self.origin), secret, auth: rand::random() }
    }
}

async fn take(State(kept): State<Arc<Kept>>, Path(browser): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let parcel = Parcel { browser: browser.clone(), at: Instant::now(), headers, body: body.to_vec() };
    let opened = kept.gate.notified();
    kept.parcels.lock().unwrap().push(parcel);
    let reply = kept.replies.lock().unwrap().get_mut(&browser).and_then(Vec::pop);
    match reply {
        None => StatusCode::CREATED.into_response(),
        Some(Reply::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Reply::After(status, seconds)) => {
            (StatusCode::from_u16(status).unwrap(), [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Some(Reply::Held) => {
            opened.await;
            StatusCode::CREATED.into_response()
        }
    }
}

/// A browser with its private key, which never leaves it.
pub struct Browser {
    pub name: String,
    pub endpoint: String,
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    pub fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.secret.public_key().to_encoded_point(false).as_bytes())
    }

    pub fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }

    /// What a push says, after everything that a push service and a browser check.
    pub fn read(&self, parcel: &Parcel, origin: &str) -> Value {
        let said = |name: &str| parcel.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!(said("content-encoding"), "aes128gcm");
        assert!(said("ttl").parse::<u64>().is_ok(), "TTL {:?}", said("ttl"));
        let topic = said("topic");
        assert!(topic.len() <= 32 && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "topic {topic:?}");
        let claims = signed(&said("authorization")).1;
        assert_eq!(claims["aud"], origin);
        assert!(claims["sub"].as_str().is_some_and(|sub| sub.starts_with("mailto:") || sub.starts_with("https://")), "{claims}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(claims["exp"].as_u64().is_some_and(|exp| exp > now && exp <= now + 24 * 3_600), "{claims}");
        assert!(!parcel.body.windows(4).any(|part| part == b"\"mes"), "the push service can read it");
        let open = decrypt(parcel.body.clone(), &self.secret, Auth::from_slice(&self.auth)).expect("the browser can read it");
        serde_json::from_slice(&open).unwrap()
    }
}

/// The key that signed a request, and what it says; the signature is checked.
pub fn signed(authorization: &str) -> (String, Value) {
    let parts = authorization.strip_prefix("vapid ").expect("VAPID");
    let part = |name: &str| parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).unwrap().to_owned();
    let (token, key) = (part("t"), part("k"));
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (head, claims) = message.split_once('.').unwrap();
    let head: Value = serde_json::from_slice(&bytes(head)).unwrap();
    assert_eq!((&head["alg"], &head["typ"]), (&"ES256".into(), &"JWT".into()));
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(&key));
    public.verify(message.as_bytes(), &bytes(signature)).expect("the signature holds");
    (key, serde_json::from_slice(&bytes(claims)).unwrap())
}
