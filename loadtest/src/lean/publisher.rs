//! Who speaks to everyone: over the publish API of Pika, over a nats-server's subject, or over one socket of a peer. Nothing here
//! waits: what was published goes out at the next look.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};
use std::time::Duration;

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
    Http { ingest: SocketAddr, token: String },
    /// `PUB`, as it comes.
    Nats { subject: String },
    /// A text frame on a socket of its own.
    Socket { wrapping: Wrapping },
}

pub struct Publisher {
    way: Way,
    session: String,
    stream: TcpStream,
    unsent: Vec<u8>,
    heard: Vec<u8>,
    waiting: VecDeque<u32>,
    /// A POST is not answered yet.
    asked: bool,
}

impl Publisher {
    pub fn to(server: SocketAddr, way: Way, session: &str) -> anyhow::Result<Publisher> {
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
            session: session.to_owned(),
            stream: TcpStream::from_std(stream),
            unsent: Vec::new(),
            heard: Vec::new(),
            waiting: VecDeque::new(),
            asked: false,
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
        while !self.asked && !self.waiting.is_empty() {
            let numbers: Vec<u32> = self.waiting.drain(..self.waiting.len().min(BATCH)).collect();
            let facts = numbers.iter().map(|number| fact(&self.session, *number));
            match &self.way {
                Way::Http { ingest, token } => {
                    let body = format!("[{}]", facts.collect::<Vec<_>>().join(","));
                    let path = format!("/api/sessions/{}/messages", self.session);
                    self.unsent.extend(http::request(*ingest, "POST", &path, Some(token), &body));
                    self.asked = true;
                }
                Way::Nats { subject } => {
                    for fact in facts {
                        self.unsent.extend(format!("PUB {subject} {}\r\n{fact}\r\n", fact.len()).bytes());
                    }
                }
                Way::Socket { wrapping } => {
                    for fact in facts {
                        self.unsent.extend(masked(TEXT, &wrap(*wrapping, "publish", fact)));
                    }
                }
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
                    self.asked = false;
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
