//! The sockets of a crowd, and the loop that hears them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use flate2::{Decompress, FlushDecompress};
use memchr::memmem;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use crate::lean::dialect::{Dialect, Heard};
use crate::lean::frame::{self, CLOSE, PING, PONG, TEXT};
use crate::lean::publisher::Publisher;

/// Read at once; whatever is there of one socket is taken together.
const BUFFER: usize = 256 * 1024;
/// No server here sends a larger message.
const MOST: usize = 128 * 1024;
/// Connects under way at a time: fewer than the shortest queue of any server, so that none is dropped and comes back a second later.
const AT_THE_DOOR: usize = 256;
/// Loopback addresses that they come from, so that no pair of addresses runs out of ports.
const ADDRESSES: usize = 200;
/// The token of the first publisher; that of the next is one less.
const PUBLISHER: usize = usize::MAX;
const PUBLISHERS: usize = 64;
/// A server that says nothing at all for so long, where something is due, has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Hears what the sockets hear.
pub trait Ear {
    /// May give a frame that this socket says at once.
    fn hear(&mut self, who: usize, heard: Heard, now: Instant) -> Option<&[u8]>;
}

/// Hears nothing.
pub struct Deaf;

impl Ear for Deaf {
    fn hear(&mut self, _: usize, _: Heard, _: Instant) -> Option<&[u8]> {
        None
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Connecting,
    Upgrading,
    Joining,
    Seated,
    Gone,
}

struct Person {
    stream: TcpStream,
    step: Step,
    /// The beginning of what has not arrived whole.
    held: Vec<u8>,
}

pub struct Crowd {
    poll: Poll,
    events: Events,
    people: Vec<Person>,
    buffer: Vec<u8>,
    pub dialect: Dialect,
    /// Nodes of one server, and what opens a socket there. The crowd takes turns.
    nodes: Vec<(SocketAddr, Vec<u8>)>,
    seated: usize,
    /// Bytes that came in.
    pub bytes: u64,
    unfolded: Unfolded,
    /// Why sockets were lost.
    lost: Vec<String>,
    /// What was said in the first refusal.
    refused: Option<String>,
}

impl Crowd {
    pub fn new(nodes: &[SocketAddr], dialect: Dialect) -> anyhow::Result<Crowd> {
        let nodes = nodes.iter().map(|node| (*node, upgrade(*node, dialect.path()))).collect();
        Ok(Crowd {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            people: Vec::new(),
            buffer: vec![0; BUFFER],
            dialect,
            nodes,
            seated: 0,
            bytes: 0,
            unfolded: Unfolded::default(),
            lost: Vec::new(),
            refused: None,
        })
    }

    /// Whoever comes from now on offers to take compressed messages.
    pub fn offer_deflate(&mut self) {
        for (_, request) in &mut self.nodes {
            request.truncate(request.len() - 2);
            request.extend_from_slice(b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
        }
    }

    pub fn seated(&self) -> usize {
        self.seated
    }

    /// Fails if a socket was lost that nobody sent away, or if something was refused.
    pub fn whole(&self) -> anyhow::Result<()> {
        ensure!(self.refused.is_none(), "refused: {}", self.refused.as_deref().unwrap_or_default());
        ensure!(self.lost.is_empty(), "{} sockets were lost: {}", self.lost.len(), self.lost[0]);
        Ok(())
    }

    /// How many of those who are here hear the message of this number.
    pub fn hearing(&self, number: u32) -> usize {
        let (sessions, session) = (self.dialect.sessions(), number as usize % self.dialect.sessions());
        self.seated / sessions + usize::from(session < self.seated % sessions)
    }

    /// Registers publishers, whose answers are then read in the same loop.
    pub fn with(&mut self, publishers: &mut [Publisher]) -> anyhow::Result<()> {
        ensure!(publishers.len() <= PUBLISHERS, "more than {PUBLISHERS} publishers");
        for (n, publisher) in publishers.iter_mut().enumerate() {
            self.poll.registry().register(publisher.stream(), Token(PUBLISHER - n), Interest::READABLE | Interest::WRITABLE)?;
        }
        Ok(())
    }

    /// Lets so many more come in, and returns how long it took until all have their answer.
    pub fn enter(&mut self, more: usize, ear: &mut impl Ear) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let all = self.people.len() + more;
        let mut heard = Instant::now();
        let mut before = self.seated;
        while self.seated < all {
            while self.people.len() < all && self.people.len() - self.seated < AT_THE_DOOR {
                self.connect()?;
            }
            self.turn(Duration::from_millis(100), &mut [], ear)?;
            self.whole()?;
            if self.seated > before {
                (before, heard) = (self.seated, Instant::now());
            }
            ensure!(heard.elapsed() < PATIENCE, "only {} of {all} sockets were let in", self.seated);
        }
        Ok(began.elapsed())
    }

    fn connect(&mut self) -> anyhow::Result<()> {
        let who = self.people.len();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).context("a socket")?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        let source = Ipv4Addr::new(127, 0, 1, 1 + (who % ADDRESSES) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into()).with_context(|| format!("no port left at {source}"))?;
        let (node, _) = &self.nodes[who % self.nodes.len()];
        match socket.connect(&(*node).into()) {
            Err(e) if e.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(e).with_context(|| format!("cannot connect to {node}"));
            }
            Ok(()) | Err(_) => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        self.poll.registry().register(&mut stream, Token(who), Interest::READABLE | Interest::WRITABLE)?;
        self.people.push(Person { stream, step: Step::Connecting, held: Vec::new() });
        Ok(())
    }

    /// One look at everything that has happened; waits for it up to `within`. Gives how many sockets that was.
    pub fn turn(&mut self, within: Duration, publishers: &mut [Publisher], ear: &mut impl Ear) -> anyhow::Result<usize> {
        match self.poll.poll(&mut self.events, Some(within)) {
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(0),
            other => other?,
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            match event.token() {
                Token(high) if high > PUBLISHER - PUBLISHERS => {
                    if let Some(publisher) = publishers.get_mut(PUBLISHER - high) {
                        publisher.look()?;
                    }
                }
                Token(who) => {
                    if let Err(e) = self.look(who, event, ear) {
                        self.lose(who, format!("{e:#}"));
                    }
                }
            }
        }
        let looked = events.iter().count();
        self.events = events;
        Ok(looked)
    }

    fn lose(&mut self, who: usize, why: String) {
        let person = &mut self.people[who];
        if person.step == Step::Seated {
            self.seated -= 1;
        }
        if person.step != Step::Gone {
            person.step = Step::Gone;
            // An error means that it is closed already.
            let _ = person.stream.shutdown(std::net::Shutdown::Both);
            self.lost.push(why);
        }
    }

    /// What a socket says without being asked.
    pub fn say(&mut self, who: usize, frame: &[u8]) -> anyhow::Result<()> {
        say(&mut self.people[who].stream, frame)
    }

    fn look(&mut self, who: usize, event: &Event, ear: &mut impl Ear) -> anyhow::Result<()> {
        let Crowd { people, buffer, dialect, nodes, seated, refused, bytes: came, unfolded, .. } = self;
        let person = &mut people[who];
        if person.step == Step::Connecting && event.is_writable() {
            if let Some(e) = person.stream.take_error()? {
                bail!("connect: {e}");
            }
            person.step = Step::Upgrading;
            say(&mut person.stream, &nodes[who % nodes.len()].1)?;
        }
        if !event.is_readable() || matches!(person.step, Step::Connecting | Step::Gone) {
            return Ok(());
        }
        let now = Instant::now();
        loop {
            let kept = person.held.len();
            buffer[..kept].copy_from_slice(&person.held);
            let room = buffer.len() - kept;
            let read = match person.stream.read(&mut buffer[kept..]) {
                Ok(0) => bail!("the server hung up"),
                Ok(read) => read,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.into()),
            };
            person.held.clear();
            *came += read as u64;
            let bytes = &buffer[..kept + read];
            let mut at = 0;
            if person.step == Step::Upgrading {
                match memmem::find(bytes, b"\r\n\r\n") {
                    Some(end) => {
                        ensure!(bytes.starts_with(b"HTTP/1.1 101"), "refused: {}", String::from_utf8_lossy(&bytes[..end]));
                        at = end + 4;
                        person.step = Step::Joining;
                        if let Some(greeting) = dialect.greeting(who) {
                            say(&mut person.stream, greeting)?;
                        }
                    }
                    None => at = 0,
                }
            }
            while person.step != Step::Upgrading
                && let Some(frame) = frame::parse(bytes, at, MOST)?
            {
                let mut payload = &bytes[frame.payload.clone()];
                if frame.packed {
                    payload = unfolded.of(payload)?;
                }
                at = frame.payload.end;
                match frame.opcode {
                    TEXT => match dialect.hear(payload) {
                        Heard::Reply(reply) => say(&mut person.stream, dialect.reply(who, reply))?,
                        heard => {
                            if heard == Heard::Seated && person.step == Step::Joining {
                                person.step = Step::Seated;
                                *seated += 1;
                            }
                            if heard == Heard::Nack && refused.is_none() {
                                *refused = Some(String::from_utf8_lossy(payload).into_owned());
                            }
                            if let Some(answer) = ear.hear(who, heard, now) {
                                say(&mut person.stream, answer)?;
                            }
                        }
                    },
                    PING => say(&mut person.stream, &frame::masked(PONG, payload))?,
                    CLOSE => bail!("closed: {}", String::from_utf8_lossy(payload.get(2..).unwrap_or_default())),
                    _ => {}
                }
            }
            person.held.extend_from_slice(&bytes[at..]);
            // A read that did not fill the buffer has emptied the socket; what comes later is an event of its own.
            if read < room {
                return Ok(());
            }
        }
    }
}

/// The last compressed message and what it says: the next socket most likely hears the same.
#[derive(Default)]
struct Unfolded {
    packed: Vec<u8>,
    plain: Vec<u8>,
}

impl Unfolded {
    fn of(&mut self, packed: &[u8]) -> anyhow::Result<&[u8]> {
        if self.packed != packed {
            self.packed = packed.to_vec();
            self.plain = Vec::with_capacity(MOST);
            let whole = [packed, &[0, 0, 0xff, 0xff]].concat();
            Decompress::new(false).decompress_vec(&whole, &mut self.plain, FlushDecompress::Sync).context("a compressed message")?;
        }
        Ok(&self.plain)
    }
}

/// A frame of ours always fits the kernel's buffer: a socket has one of them under way.
fn say(stream: &mut TcpStream, frame: &[u8]) -> anyhow::Result<()> {
    let wrote = stream.write(frame).context("a server that reads nothing")?;
    ensure!(wrote == frame.len(), "a server that reads nothing");
    Ok(())
}

pub fn upgrade(server: SocketAddr, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: bG9hZC1vbi1sb29wYmFjaw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}
