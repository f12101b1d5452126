//! Who speaks to everyone: over the publish API of Pika, over a nats-server's subject, or over one socket of a peer. Nothing here
//! waits: what was published goes out at the next look.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;
use mio::net::TcpStream;

use crate::lean::crowd;
use crate::lean::dialect::{Wrapping, fact, path, wrap};
use crate::lean::frame::{TEXT, masked};
use crate::lean::http;

const WITHIN: Duration = Duration::from_secs(10);
/// What one POST of the publish API may hold.
const BATCH: usize = 100;

/// The way to the server.
pub enum Way {
    /// `POST /api/sessions/{id}/messages`, as many in one as wait when the one before is answered.
    Http { ingest: SocketAddr },
    /// `PUB`, as it comes.
    Nats { subject: String },
    /// A text frame on a socket of its own.
    Socket { wrapping: Wrapping },
}

/// A session, and what its owner is known by.
#[derive(Clone)]
pub struct Session {
    pub id: String,
    pub token: String,
}

pub struct Publisher {
    way: Way,
    /// The first message is for the first of them, and so on in turn.
    sessions: Vec<Session>,
    stream: TcpStream,
    unsent: Vec<u8>,
    heard: Vec<u8>,
    waiting: VecDeque<u32>,
    /// A POST is not answered yet: since when, and how many messages it holds.
    asked: Option<(Instant, u32)>,
    /// The text of a session's message by its number.
    pub text: fn(&str, u32) -> String,
    /// How long storing took, and of how many messages.
    pub stored: (Duration, u32),
}

impl Publisher {
    pub fn to(server: SocketAddr, way: Way, sessions: &[Session]) -> anyhow::Result<Publisher> {
        let mut stream = Blocking::connect_timeout(&server, WITHIN).with_context(|| format!("nobody to publish to at {server}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WITHIN))?;
        match &way {
            Way::Http { .. } => {}
            Way::Nats { .. } => {
                stream.write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n")?;
                until(&mut stream, b"PONG\r\n")?;
            }
            Way::Socket { wrapping: Wrapping::Bare } => {
                stream.write_all(&crowd::upgrade(server, "/publish"))?;
                until(&mut stream, b"\r\n\r\n")?;
            }
            Way::Socket { wrapping: Wrapping::SocketIo } => {
                stream.write_all(&crowd::upgrade(server, path(Wrapping::SocketIo)))?;
                until(&mut stream, b"pingInterval")?;
                stream.write_all(&masked(TEXT, b"40"))?;
                until(&mut stream, b"40{")?;
            }
        }
        stream.set_nonblocking(true)?;
        Ok(Publisher {
            way,
            sessions: sessions.to_vec(),
            stream: TcpStream::from_std(stream),
            unsent: Vec::new(),
            heard: Vec::new(),
            waiting: VecDeque::new(),
            asked: None,
            text: fact,
            stored: (Duration::ZERO, 0),
        })
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub fn publish(&mut self, number: u32) {
        self.waiting.push_back(number);
    }

    /// Sends what waits.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        while self.asked.is_none()
            && let Some(number) = self.waiting.pop_front()
        {
            let of = number as usize % self.sessions.len();
            let Session { id, token } = &self.sessions[of];
            let first = (self.text)(id, number);
            match &self.way {
                Way::Http { ingest } => {
                    let mut body = format!("[{first}");
                    let mut count = 1;
                    for _ in 1..BATCH {
                        // A POST is one session's.
                        let Some(next) = self.waiting.front().copied().filter(|next| *next as usize % self.sessions.len() == of) else {
                            break;
                        };
                        self.waiting.pop_front();
                        count += 1;
                        body.push(',');
                        body.push_str(&(self.text)(id, next));
                    }
                    body.push(']');
                    self.unsent.extend(http::request(*ingest, "POST", &format!("/api/sessions/{id}/messages"), Some(token), &body));
                    self.asked = Some((Instant::now(), count));
                }
                Way::Nats { subject } => self.unsent.extend(format!("PUB {subject} {}\r\n{first}\r\n", first.len()).bytes()),
                Way::Socket { wrapping } => self.unsent.extend(masked(TEXT, &wrap(*wrapping, "publish", first))),
            }
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(wrote) => drop(self.unsent.drain(..wrote)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e).context("publishing"),
            }
        }
        Ok(())
    }

    /// Reads what the server says to it, and sends what waited for that.
    pub fn look(&mut self) -> anyhow::Result<()> {
        let mut piece = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => anyhow::bail!("the server hung up on the publisher"),
                Ok(read) => self.heard.extend_from_slice(&piece[..read]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e).context("publishing"),
            }
        }
        match &self.way {
            Way::Http { .. } => {
                if let Some((answer, used)) = http::parse(&self.heard)? {
                    ensure!(answer.status == 200 && !answer.body.contains("\"error\""), "a message was not stored: {}", answer.body);
                    self.heard.drain(..used);
                    if let Some((since, count)) = self.asked.take() {
                        self.stored = (self.stored.0 + since.elapsed(), self.stored.1 + count);
                    }
                }
            }
            Way::Nats { .. } => {
                if memmem::find(&self.heard, b"PING\r\n").is_some() {
                    self.unsent.extend(b"PONG\r\n");
                }
                self.heard.clear();
            }
            Way::Socket { wrapping } => {
                // An engine.io ping is the only thing that has to be answered.
                if *wrapping == Wrapping::SocketIo && self.heard.windows(3).any(|frame| frame == [0x81, 1, b'2']) {
                    self.unsent.extend(masked(TEXT, b"3"));
                }
                self.heard.clear();
            }
        }
        self.flush()
    }
}

fn until(stream: &mut Blocking, sign: &[u8]) -> anyhow::Result<()> {
    let mut said = Vec::new();
    while memmem::find(&said, sign).is_none() {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).context("no answer")?;
        ensure!(read > 0, "hung up: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&piece[..read]);
    }
    Ok(())
}
