//! People of a story: a socket that says and hears, a DJ at the publish API.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{SinkExt, StreamExt};
use schemas::codec::Codec;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{PATIENCE, Pika, http};

/// A messageId is never used twice, also not by a DJ who comes back on another socket: the run remembers it.
static ASKED: AtomicU64 = AtomicU64::new(1);

/// One open socket.
pub struct Socket {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    codec: Codec,
    /// The identity that the server gave, as a `Cookie` header.
    pub cookie: Option<String>,
    /// Heard and not yet asked for.
    pending: Vec<Value>,
    /// Why the server closed the socket.
    pub closed: Option<u16>,
}

impl Socket {
    /// As today's clients do: no subprotocol, no cookie.
    pub async fn open(pika: &Pika) -> Socket {
        Socket::connect(&pika.ws_url(), None, None).await.unwrap()
    }

    pub async fn open_as(pika: &Pika, cookie: Option<&str>) -> Socket {
        Socket::connect(&pika.ws_url(), None, cookie).await.unwrap()
    }

    pub async fn open_in(pika: &Pika, codec: Codec) -> Socket {
        let protocol = match codec {
            Codec::Json => Codec::JSON_PROTOCOL,
            Codec::MsgPack => Codec::MSGPACK_PROTOCOL,
        };
        Socket::connect(&pika.ws_url(), Some(protocol), None).await.unwrap()
    }

    pub async fn connect(
        url: &str,
        protocol: Option<&str>,
        cookie: Option<&str>,
    ) -> Result<Socket, Box<tokio_tungstenite::tungstenite::Error>> {
        let mut request = url.into_client_request().map_err(Box::new)?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", cookie.parse().unwrap());
        }
        let (ws, response) = tokio_tungstenite::connect_async(request).await.map_err(Box::new)?;
        Ok(Socket::opened(ws, &response, protocol, cookie))
    }

    fn opened(ws: WebSocketStream<MaybeTlsStream<TcpStream>>, response: &Response, protocol: Option<&str>, cookie: Option<&str>) -> Socket {
        let given = response.headers().get("set-cookie").and_then(|v| v.to_str().ok()).and_then(|v| v.split(';').next()).map(str::to_owned);
        let codec = if protocol == Some(Codec::MSGPACK_PROTOCOL) { Codec::MsgPack } else { Codec::Json };
        Socket { ws, codec, cookie: given.or(cookie.map(str::to_owned)), pending: Vec::new(), closed: None }
    }

    /// As somebody at another address of this machine, `127.0.0.2`: loopback has sixteen million of them.
    pub async fn open_from(pika: &Pika, address: &str) -> Socket {
        let tcp = tokio::net::TcpSocket::new_v4().unwrap();
        tcp.bind(format!("{address}:0").parse().unwrap()).unwrap();
        let tcp = tcp.connect(pika.url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
        let (ws, response) = tokio_tungstenite::client_async(pika.ws_url(), MaybeTlsStream::Plain(tcp)).await.unwrap();
        Socket::opened(ws, &response, None, None)
    }

    pub async fn say(&mut self, message: Value) {
        let bytes = self.codec.encode(&message);
        let frame = match self.codec {
            Codec::Json => Message::text(String::from_utf8(bytes).unwrap()),
            Codec::MsgPack => Message::binary(bytes),
        };
        self.ws.send(frame).await.unwrap();
    }

    /// Sends bytes as they are.
    pub async fn say_raw(&mut self, text: &str) {
        self.ws.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// Says it with a messageId and gives the ACK or NACK. What else is heard meanwhile stays to be asked for.
    pub async fn ask(&mut self, mut message: Value) -> Value {
        let fresh = || format!("m{}", ASKED.fetch_add(1, Ordering::Relaxed));
        let id = message.get("messageId").and_then(Value::as_str).map_or_else(fresh, str::to_owned);
        message["messageId"] = id.clone().into();
        self.say(message).await;
        self.wait(&format!("answer to {id}"), |m| m["messageId"] == *id).await
    }

    /// The same, and it must be an ACK.
    pub async fn ask_ok(&mut self, message: Value) -> Value {
        let answer = self.ask(message.clone()).await;
        assert_eq!(answer["type"], "ACK", "{message} was answered {answer}");
        answer
    }

    /// The next message of this type; others stay to be asked for.
    pub async fn hear(&mut self, kind: &str) -> Value {
        self.wait(kind, |m| m["type"] == kind).await
    }

    /// The next message, whatever it is.
    pub async fn next(&mut self) -> Value {
        self.wait("anything", |_| true).await
    }

    pub async fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.pending.iter().position(&wanted) {
            return self.pending.remove(at);
        }
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let message = self.read().await.unwrap_or_else(|| panic!("closed ({:?}) while waiting for {what}", self.closed));
                if wanted(&message) {
                    return message;
                }
                self.pending.push(message);
            }
        });
        let waited = waited.await;
        waited.unwrap_or_else(|_| {
            panic!("waited in vain for {what}; heard {:?}", self.pending.iter().map(|m| &m["type"]).collect::<Vec<_>>())
        })
    }

    async fn read(&mut self) -> Option<Value> {
        loop {
            match self.ws.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => return Some(self.codec.decode(&bytes).unwrap()),
                Some(Ok(Message::Close(frame))) => self.closed = frame.map(|f| f.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Reads on, and so answers pings, while something else happens; what is heard stays to be asked for.
    pub async fn attend<T>(&mut self, other: impl Future<Output = T>) -> T {
        tokio::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return done,
                message = self.read() => match message {
                    Some(message) => self.pending.push(message),
                    None => return other.await,
                },
            }
        }
    }

    /// Waits for the server to close the socket; gives the code. What was heard before stays to be asked for.
    pub async fn closing(&mut self) -> Option<u16> {
        let closed = async {
            while let Some(message) = self.read().await {
                self.pending.push(message)
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the socket was not closed");
        self.closed
    }

    /// What was heard and not asked for yet.
    pub fn heard(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.pending)
    }

    /// Everything that was heard when the socket ended.
    pub async fn hear_out(&mut self) -> Vec<Value> {
        self.closing().await;
        self.heard()
    }

    /// Everything heard so far, up to the answer to a PING said now.
    pub async fn drain(&mut self) -> Vec<Value> {
        self.say(json!({"type": "PING"})).await;
        self.hear("PONG").await;
        std::mem::take(&mut self.pending)
    }

    /// Subscribes and waits for the ACK; gives everything that was answered before it.
    pub async fn subscribe(&mut self, session: &str) -> Vec<Value> {
        self.pending.clear();
        self.ask_ok(json!({"type": "SUBSCRIBE", "sessionId": session})).await;
        std::mem::take(&mut self.pending)
    }

    pub async fn resume(&mut self, session: &str, resume: Value) -> Vec<Value> {
        self.pending.clear();
        self.ask_ok(json!({"type": "SUBSCRIBE", "sessionId": session, "resume": resume})).await;
        std::mem::take(&mut self.pending)
    }

    /// Goes without a word, as a phone in a tunnel.
    pub fn vanish(self) {
        drop(self);
    }
}

pub fn types(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|m| m["type"].as_str()).collect()
}

pub fn track(title: &str) -> Value {
    json!({"title": title, "artist": "The Testers", "bpm": 104})
}

/// A DJ at the publish API.
pub struct Dj {
    pub session: String,
    pub owner_token: String,
    pub join_code: String,
    url: String,
    http: reqwest::Client,
    said: u32,
}

impl Dj {
    pub async fn live(pika: &Pika) -> Dj {
        Dj::live_as(pika, "DJ Test").await
    }

    pub async fn live_as(pika: &Pika, name: &str) -> Dj {
        Dj::live_at(&pika.url, name).await
    }

    /// At an address where a front may stand before Pika.
    pub async fn live_at(url: &str, name: &str) -> Dj {
        let http = http();
        let response = http.post(format!("{url}/api/sessions")).json(&json!({"djName": name})).send().await.unwrap();
        assert_eq!(response.status(), 201);
        let begun: Value = response.json().await.unwrap();
        let text = |key: &str| begun[key].as_str().unwrap().to_owned();
        Dj { session: text("sessionId"), owner_token: text("ownerToken"), join_code: text("joinCode"), url: url.to_owned(), http, said: 0 }
    }

    /// Publishes one message; gives its result.
    pub async fn publish(&mut self, mut message: Value) -> Value {
        self.said += 1;
        if message.get("messageId").is_none() {
            message["messageId"] = format!("dj-{}", self.said).into();
        }
        let (status, body) = self.post(&message).await;
        assert_eq!(status, 200, "{body}");
        body["results"][0].clone()
    }

    pub async fn post(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/sessions/{}/messages", self.url, self.session);
        let response = self.http.post(url).bearer_auth(&self.owner_token).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn publish_ok(&mut self, message: Value) -> u64 {
        let result = self.publish(message.clone()).await;
        assert_eq!(result["status"], "ok", "{message} was answered {result}");
        result["seq"].as_u64().unwrap_or_default()
    }

    pub async fn play(&mut self, title: &str) -> u64 {
        self.publish_ok(json!({"type": "BROADCAST_TRACK", "track": track(title)})).await
    }

    /// Opens a poll of two options; `seconds` none: until it is ended.
    pub async fn open_poll(&mut self, seconds: Option<u32>) -> u64 {
        let mut poll = json!({"type": "START_POLL", "question": "Faster?", "options": ["yes", "no"]});
        if let Some(seconds) = seconds {
            poll["durationSeconds"] = seconds.into();
        }
        self.publish_ok(poll).await
    }
}
