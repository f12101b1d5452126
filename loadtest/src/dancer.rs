//! The loop of one dancer: connect, be seated, dance, lose the socket, come back as the same person.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rand::RngExt;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::mind::Mind;
use crate::shared::Shared;
use crate::wire::Socket;

/// A connect that takes longer is tried again; a crowd at the door may have to wait this long.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

enum Left {
    /// The evening is over.
    Stopped,
    /// Dropped on purpose.
    Dropped,
    Lost(String),
    /// The server said not to come back.
    Barred(String),
}

/// Dances until the evening stops. `arrives`: when this dancer comes to the door.
pub async fn dance(mut mind: Mind, shared: Arc<Shared>, arrives: Instant) {
    let mut cookie: Option<String> = None;
    let mut pause = FIRST_PAUSE;
    tokio::select! {
        () = sleep_until(arrives.into()) => {}
        () = shared.stop.cancelled() => return,
    }
    loop {
        let connected = tokio::select! {
            connected = timeout(CONNECT_WITHIN, shared.target.connect(cookie.as_deref())) => connected,
            () = shared.stop.cancelled() => return,
        };
        let socket = match connected {
            Ok(Ok((socket, given))) => {
                cookie = given.or(cookie);
                pause = FIRST_PAUSE;
                socket
            }
            Ok(Err(_)) | Err(_) => {
                shared.meter.failed_connects.add();
                sleep(pause.mul_f64(mind.plans.rng.random_range(0.5..1.0))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        let left = stay(&mut mind, &shared, socket).await;
        let away = match left {
            Left::Stopped => return,
            Left::Barred(how) => {
                mind.lost();
                shared.meter.closed(&how);
                return mind.surprise(format!("was told not to come back: {how}"));
            }
            Left::Lost(how) => {
                shared.meter.closed(&how);
                mind.plans.rng.random_range(50..500)
            }
            Left::Dropped => {
                shared.meter.drops.add();
                mind.plans.rng.random_range(100..1_500)
            }
        };
        mind.lost();
        sleep(Duration::from_millis(away)).await;
    }
}

async fn stay(mind: &mut Mind, shared: &Shared, mut socket: Socket) -> Left {
    let hello = shared.target.frame(&mind.arrive());
    if let Err(e) = socket.send(hello).await {
        return Left::Lost(format!("send: {e}"));
    }
    loop {
        let next = mind.plans.next().unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
        tokio::select! {
            () = shared.stop.cancelled() => return Left::Stopped,
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => mind.hear(text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => mind.hear(&bytes),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.as_ref().map_or(1005, |f| u16::from(f.code));
                    let how = format!("close {code} {}", frame.map(|f| f.reason.to_string()).unwrap_or_default());
                    return if code == 1008 || (4400..4500).contains(&code) { Left::Barred(how) } else { Left::Lost(how) };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(e)) => return Left::Lost(e.to_string()),
                None => return Left::Lost("end of stream".to_owned()),
            },
            () = sleep_until(next.into()) => {
                let acts = mind.due(Instant::now());
                for message in acts.say {
                    if let Err(e) = socket.send(shared.target.frame(&message)).await {
                        return Left::Lost(format!("send: {e}"));
                    }
                }
                if acts.drop {
                    return Left::Dropped;
                }
            }
        }
    }
}
