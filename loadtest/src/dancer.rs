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
/// Each dancer pings far more often; a socket that is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(45);

enum Left {
    /// The evening is over.
    Stopped,
    /// Dropped on purpose.
    Dropped,
    /// For another node, because the server asked.
    Moved,
    Lost(String),
    /// The server said not to come back.
    Barred(String),
}

/// Dances until the evening stops. `arrives`: when this dancer comes to the door. `buffer`: what its system may keep unread.
pub async fn dance(mut mind: Mind, shared: Arc<Shared>, arrives: Instant, buffer: Option<u32>) {
    let mut cookie: Option<String> = None;
    // The next node after each socket, so that a node that went is left alone and every one is visited.
    let mut node = mind.id;
    let mut pause = FIRST_PAUSE;
    tokio::select! {
        () = sleep_until(arrives.into()) => {}
        () = shared.stop.cancelled() => return,
    }
    loop {
        let connected = tokio::select! {
            connected = timeout(CONNECT_WITHIN, shared.target.connect(node, cookie.as_deref(), buffer)) => connected,
            () = shared.stop.cancelled() => return,
        };
        node += 1;
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
                mind.lost(&how);
                shared.meter.closed(&how);
                return mind.surprise(format!("was told not to come back: {how}"));
            }
            Left::Lost(how) => {
                mind.lost(&how);
                shared.meter.closed(&how);
                mind.plans.rng.random_range(50..500)
            }
            Left::Dropped => {
                mind.lost("dropped on purpose");
                shared.meter.drops.add();
                mind.plans.rng.random_range(100..1_500)
            }
            Left::Moved => {
                mind.lost("moved as asked");
                shared.meter.moved.add();
                0
            }
        };
        sleep(Duration::from_millis(away)).await;
    }
}

async fn stay(mind: &mut Mind, shared: &Shared, mut socket: Socket) -> Left {
    let hello = shared.target.frame(&mind.arrive());
    if let Err(e) = socket.send(hello).await {
        return Left::Lost(format!("send: {e}"));
    }
    let mut heard_at = Instant::now();
    loop {
        let next = mind.plans.next().unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
        tokio::select! {
            () = shared.stop.cancelled() => return Left::Stopped,
            () = sleep_until((heard_at + SILENCE).into()) => return Left::Lost("silence".to_owned()),
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    heard_at = Instant::now();
                    mind.hear(text.as_bytes());
                }
                Some(Ok(Message::Binary(bytes))) => {
                    heard_at = Instant::now();
                    mind.hear(&bytes);
                }
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
                if acts.go_elsewhere {
                    // Whether the other side hears of it or not, this one has gone.
                    let _ = socket.send(Message::Close(None)).await;
                    return Left::Moved;
                }
                if let Some(long) = acts.sleep {
                    let slept = Instant::now();
                    tokio::select! {
                        () = sleep(long) => {}
                        () = shared.wake.cancelled() => {}
                        () = shared.stop.cancelled() => return Left::Stopped,
                    }
                    heard_at = Instant::now();
                    mind.wake(slept.elapsed());
                }
            }
        }
    }
}
