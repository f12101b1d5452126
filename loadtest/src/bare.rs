//! The least that a server of this kind can do, to measure the real one beside: one thread, epoll, its own frame writer, fed by
//! one subject of a nats-server. What waits is sent to all sockets in one write each. It knows no identity, resumes nothing,
//! drops nobody who is slow, and acknowledges a like without storing it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use serde::Deserialize;
use sha1::{Digest, Sha1};

use crate::lean::frame::{self, CLOSE, PING, PONG, TEXT};

#[derive(clap::Args)]
pub struct Bare {
    /// Address to serve on.
    #[arg(long)]
    listen: SocketAddr,
    /// The nats-server.
    #[arg(long)]
    nats: SocketAddr,
    /// What is sent to everyone.
    #[arg(long, default_value = "bench")]
    subject: String,
}

const LISTENER: Token = Token(usize::MAX);
const BROKER: Token = Token(usize::MAX - 1);
/// Read at once. It is shared by all sockets.
const BUFFER: usize = 256 * 1024;
/// The largest frame that a client may send, and the largest request.
const MOST: usize = 10 * 1024;
const BACKLOG: i32 = 1024;
const HANDSHAKE: Duration = Duration::from_secs(5);
/// RFC 6455, 1.3.
const ACCEPT_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

struct Socket {
    stream: TcpStream,
    open: bool,
    subscribed: bool,
    /// The beginning of what has not arrived whole.
    held: Vec<u8>,
    /// What the kernel did not take.
    unsent: Vec<u8>,
}

#[derive(Deserialize)]
struct Said<'a> {
    r#type: &'a str,
    #[serde(rename = "messageId")]
    message_id: Option<&'a str>,
}

struct Server {
    poll: Poll,
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    answer: Vec<u8>,
}

pub fn run(bare: &Bare) -> anyhow::Result<()> {
    let poll = Poll::new()?;
    let mut listener = listen(bare.listen).with_context(|| format!("cannot listen on {}", bare.listen))?;
    let mut broker = subscribe(bare.nats, &bare.subject)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    poll.registry().register(&mut broker, BROKER, Interest::READABLE)?;
    let mut server = Server { poll, sockets: Vec::new(), free: Vec::new(), answer: Vec::new() };
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; BUFFER];
    let (mut held, mut batch) = (Vec::new(), Vec::new());
    println!("bare is running on {}", bare.listen);
    loop {
        match server.poll.poll(&mut events, None) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            match event.token() {
                LISTENER => server.accept(&listener)?,
                BROKER => take(&mut broker, &mut buffer, &mut held, &mut batch)?,
                Token(at) => {
                    if event.is_writable() {
                        server.write_rest(at);
                    }
                    server.read(at, &mut buffer);
                }
            }
        }
        if !batch.is_empty() {
            server.send_to_all(&batch);
            batch.clear();
        }
    }
}

/// With as long a queue as Pika's.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// A connection to the nats-server that hears the subject.
fn subscribe(nats: SocketAddr, subject: &str) -> anyhow::Result<TcpStream> {
    let mut stream = Blocking::connect(nats).with_context(|| format!("no nats-server at {nats}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HANDSHAKE))?;
    write!(stream, "CONNECT {{\"verbose\":false}}\r\nSUB {subject} 1\r\nPING\r\n")?;
    let mut said = Vec::new();
    while memmem::find(&said, b"PONG\r\n").is_none() {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).context("nats-server did not answer")?;
        if read == 0 {
            bail!("nats-server hung up: {}", String::from_utf8_lossy(&said));
        }
        said.extend_from_slice(&piece[..read]);
    }
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}

/// Everything that the broker has sent, as frames behind each other.
fn take(broker: &mut TcpStream, buffer: &mut [u8], held: &mut Vec<u8>, batch: &mut Vec<u8>) -> anyhow::Result<()> {
    loop {
        match broker.read(buffer) {
            Ok(0) => bail!("the nats-server is gone"),
            Ok(read) => held.extend_from_slice(&buffer[..read]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(e) => return Err(e.into()),
        }
    }
    let mut at = 0;
    while let Some(end) = memmem::find(&held[at..], b"\r\n") {
        let line = &held[at..at + end];
        let body = at + end + 2;
        if line.starts_with(b"MSG ") {
            let length = line.rsplit(|b| *b == b' ').next().and_then(|n| std::str::from_utf8(n).ok()?.parse::<usize>().ok());
            let length = length.context("a message without a length")?;
            let Some(payload) = held.get(body..body + length).filter(|_| held.len() >= body + length + 2) else { break };
            frame::plain(TEXT, payload, batch);
            at = body + length + 2;
        } else {
            if line == b"PING" {
                broker.write_all(b"PONG\r\n")?;
            }
            at = body;
        }
    }
    held.drain(..at);
    Ok(())
}

impl Server {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            };
            stream.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.sockets.push(None);
                self.sockets.len() - 1
            });
            self.poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
            self.sockets[at] = Some(Socket { stream, open: false, subscribed: false, held: Vec::new(), unsent: Vec::new() });
        }
    }

    fn send_to_all(&mut self, batch: &[u8]) {
        for at in 0..self.sockets.len() {
            if self.sockets[at].as_ref().is_some_and(|socket| socket.subscribed) {
                self.send(at, batch);
            }
        }
    }

    fn send(&mut self, at: usize, bytes: &[u8]) {
        let Some(socket) = &mut self.sockets[at] else { return };
        if !socket.unsent.is_empty() {
            return socket.unsent.extend_from_slice(bytes);
        }
        match socket.stream.write(bytes) {
            Ok(all) if all == bytes.len() => {}
            Ok(part) => socket.unsent.extend_from_slice(&bytes[part..]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => socket.unsent.extend_from_slice(bytes),
            Err(_) => self.close(at),
        }
    }

    fn write_rest(&mut self, at: usize) {
        let Some(socket) = self.sockets[at].as_mut().filter(|socket| !socket.unsent.is_empty()) else { return };
        let rest = std::mem::take(&mut socket.unsent);
        self.send(at, &rest);
    }

    fn close(&mut self, at: usize) {
        if self.sockets[at].take().is_some() {
            self.free.push(at);
        }
    }

    fn read(&mut self, at: usize, buffer: &mut [u8]) {
        loop {
            let Some(socket) = &mut self.sockets[at] else { return };
            // What was left of the last time stands in front of what comes now.
            let kept = socket.held.len();
            buffer[..kept].copy_from_slice(&socket.held);
            let read = match socket.stream.read(&mut buffer[kept..]) {
                Ok(0) => return self.close(at),
                Ok(read) => read,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.close(at),
            };
            socket.held.clear();
            let Ok(used) = self.hear(at, &mut buffer[..kept + read]) else { return self.close(at) };
            let rest = &buffer[used..kept + read];
            if rest.len() > MOST {
                return self.close(at);
            }
            if let Some(socket) = self.sockets[at].as_mut().filter(|_| !rest.is_empty()) {
                socket.held.extend_from_slice(rest);
            }
            if kept + read < buffer.len() {
                return;
            }
        }
    }

    /// Takes what is whole. Gives how much that was.
    fn hear(&mut self, at: usize, bytes: &mut [u8]) -> anyhow::Result<usize> {
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        let socket = self.sockets[at].as_mut().context("a socket that is gone")?;
        let mut used = 0;
        if !socket.open {
            let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(0) };
            upgrade(&bytes[..end], &mut answer)?;
            socket.open = true;
            used = end + 4;
        }
        while let Some(frame) = frame::parse(bytes, used, MOST)?.filter(|frame| !frame.packed) {
            frame.unmask(bytes);
            let payload = &bytes[frame.payload.clone()];
            match frame.opcode {
                TEXT => {
                    let said: Said<'_> = serde_json::from_slice(payload)?;
                    socket.subscribed |= said.r#type == "SUBSCRIBE";
                    if let Some(id) = said.message_id {
                        let ack = format!("{{\"type\":\"ACK\",\"messageId\":\"{id}\",\"status\":\"ok\"}}");
                        frame::plain(TEXT, ack.as_bytes(), &mut answer);
                    }
                }
                PING => frame::plain(PONG, payload, &mut answer),
                CLOSE => bail!("closed"),
                _ => {}
            }
            used = frame.payload.end;
        }
        if !answer.is_empty() {
            self.send(at, &answer);
        }
        self.answer = answer;
        Ok(used)
    }
}

fn upgrade(request: &[u8], answer: &mut Vec<u8>) -> anyhow::Result<()> {
    let text = std::str::from_utf8(request)?;
    let headers = text.split("\r\n").filter_map(|line| line.split_once(':'));
    let key = headers.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).map(|(_, value)| value.trim()).next();
    let accept = STANDARD.encode(Sha1::new().chain_update(key.context("no key")?).chain_update(ACCEPT_SUFFIX).finalize());
    write!(
        answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    Ok(())
}
