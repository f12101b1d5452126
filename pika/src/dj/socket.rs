//! The DJ's ear: a socket that registers as the session's own and is opened again whenever it is lost.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::RngExt;
use schemas::codec::Codec;
use schemas::server::ServerMessage;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::api::Live;

const PING_EVERY: Duration = Duration::from_secs(10);
/// Three pings without a word: the line is dead, whatever the system says.
const SILENT_FOR: Duration = Duration::from_secs(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub enum Heard {
    Up,
    Down(String),
    Message(ServerMessage),
    /// The server said not to come back.
    Barred(String),
}

/// Listens until the receiver is gone.
pub async fn listen(url: String, live: Live, tell: mpsc::Sender<Heard>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let words = match once(&url, &live, &tell, &mut pause).await {
            Left::Gone => return,
            Left::Barred(words) => return drop(tell.send(Heard::Barred(words)).await),
            Left::Lost(words) => words,
        };
        if tell.send(Heard::Down(words)).await.is_err() {
            return;
        }
        let share = rand::rng().random_range(0.5..1.0);
        sleep(pause.mul_f64(share)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

enum Left {
    Gone,
    Lost(String),
    Barred(String),
}

async fn once(url: &str, live: &Live, tell: &mpsc::Sender<Heard>, pause: &mut Duration) -> Left {
    let Ok(mut request) = url.into_client_request() else { return Left::Barred(format!("{url} is no address of a socket")) };
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(Codec::JSON_PROTOCOL));
    let mut socket = match timeout(CONNECT_WITHIN, connect_async(request)).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(e)) => return Left::Lost(e.to_string()),
        Err(_) => return Left::Lost("no answer in time".to_owned()),
    };
    let hello = json!({"type": "REGISTER_SESSION", "messageId": "register", "sessionId": live.session, "djName": live.dj_name, "token": live.owner_token});
    if let Err(e) = socket.send(Message::text(hello.to_string())).await {
        return Left::Lost(e.to_string());
    }
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut last_word = Instant::now();
    loop {
        tokio::select! {
            () = tell.closed() => return Left::Gone,
            _ = ping.tick() => {
                if last_word.elapsed() > SILENT_FOR {
                    return Left::Lost("the line is silent".to_owned());
                }
                if let Err(e) = socket.send(Message::text(r#"{"type":"PING"}"#)).await {
                    return Left::Lost(e.to_string());
                }
            }
            frame = socket.next() => {
                last_word = Instant::now();
                let text = match frame {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Close(frame))) => {
                        let (code, reason) = frame.map(|f| (u16::from(f.code), f.reason.to_string())).unwrap_or((1005, String::new()));
                        let words = format!("closed: {code} {reason}").trim_end().to_owned();
                        return if code == 1008 || (4400..4500).contains(&code) { Left::Barred(words) } else { Left::Lost(words) };
                    }
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Err(e)) => return Left::Lost(e.to_string()),
                    None => return Left::Lost("the server hung up".to_owned()),
                };
                // A message of a kind that this program does not know is for newer ones.
                let Ok(message) = Codec::Json.decode::<ServerMessage>(text.as_bytes()) else { continue };
                let heard = match message {
                    ServerMessage::Ack { message_id, .. } if message_id == "register" => {
                        *pause = FIRST_PAUSE;
                        Heard::Up
                    }
                    ServerMessage::Nack { message_id, error, .. } if message_id == "register" => return Left::Lost(error),
                    ServerMessage::Goaway { reconnect_in_ms } => {
                        *pause = Duration::from_millis(reconnect_in_ms.max(100));
                        return Left::Lost("the server asked to come back".to_owned());
                    }
                    message => Heard::Message(message),
                };
                if tell.send(heard).await.is_err() {
                    return Left::Gone;
                }
            }
        }
    }
}
