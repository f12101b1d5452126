//! One socket's writing side, shared by its own task and by whoever has something for it.
//!
//! Who says something writes it at once, as far as the kernel takes it, and wakes nobody. What the kernel does not take waits
//! here, at most a socket's share, and the socket's task goes on when the peer has read. What everybody hears does not wait here:
//! it stands on the boards, and is pulled when there is room. So no one waits for a slow phone, and nothing piles up for it.
//!
//! Locks are taken in this order: a line's, a board's, a hub's members.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use schemas::error::Close;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::delivery::{Delivery, Flavour};
use crate::frames::Frames;
use crate::lobby_board::LobbyBoard;
use crate::metrics;
use crate::out::{End, Out};
use crate::wave::Wave;

/// Pieces given to the kernel in one write.
const PIECES: usize = 32;

pub struct Line {
    tcp: TcpStream,
    news: Arc<LobbyBoard>,
    /// Rung when the socket's task has to see to something.
    bell: Notify,
    out: Mutex<Out>,
}

/// What the socket's task has to see to.
pub struct Needs {
    /// The kernel takes nothing more since then.
    pub stuck_since: Option<Instant>,
    pub end: Option<End>,
    /// Who asks for a sign of life.
    pub probes: Vec<oneshot::Sender<bool>>,
}

impl Line {
    pub fn new(tcp: TcpStream, flavour: Flavour, news: Arc<LobbyBoard>) -> Line {
        let out = Mutex::new(Out::new(flavour, news.next()));
        Line { tcp, news, bell: Notify::new(), out }
    }

    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Changes what is to be said, without saying it yet: [`Line::pump`] does, or the next who has something to say.
    pub fn with<T>(&self, change: impl FnOnce(&mut Out) -> T) -> T {
        change(&mut self.out.lock())
    }

    /// Changes what is to be said, and says what the kernel takes.
    pub fn say<T>(&self, change: impl FnOnce(&mut Out) -> T) -> T {
        let mut out = self.out.lock();
        let result = change(&mut out);
        self.write(&mut out);
        result
    }

    /// Says what waits here and what the boards hold, as far as the kernel takes it.
    pub fn pump(&self) {
        self.write(&mut self.out.lock());
    }

    /// Says what has come for everybody of a hub. Who stands where all stand is sent the bytes made for all.
    pub fn hear(&self, wave: &Wave) {
        let mut out = self.out.lock();
        let Some(frames) = out.rides(wave) else { return self.write(&mut out) };
        // Straight to the kernel, which says itself when it has no room: what tokio knows of it lies elsewhere in memory.
        match send(&self.tcp, &frames.bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(written) if written == frames.bytes.len() => metrics::sent(frames.count),
            Ok(written) => self.left(&mut out, frames, written),
            Err(Errno::AGAIN | Errno::INTR) => self.left(&mut out, frames, 0),
            Err(_) => {
                out.end = Some(End::Gone);
                self.bell.notify_one();
            }
        }
    }

    /// The kernel took only so many bytes of a wave.
    fn left(&self, out: &mut Out, frames: &Frames, written: usize) {
        out.keep(frames.bytes.slice(written..), frames.count);
        self.write(out);
    }

    /// Queues applause for a DJ's socket; gives for how many pieces there was no room.
    pub fn applaud(&self, likes: &[Arc<Delivery>]) -> usize {
        self.say(|out| out.applaud(likes))
    }

    /// Asks the socket's peer for a sign of life.
    pub fn probe(&self) -> oneshot::Receiver<bool> {
        let (answer, alive) = oneshot::channel();
        self.say(|out| out.probe(answer));
        self.bell.notify_one();
        alive
    }

    pub fn close(&self, why: Close) {
        self.with(|out| out.end = Some(End::Closed(why)));
        self.bell.notify_one();
    }

    /// Wakes the socket's task.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    pub async fn rung(&self) {
        self.bell.notified().await
    }

    /// Waits until the kernel may take more.
    pub async fn room(&self) {
        // An error shows itself at the next write.
        let _ = self.tcp.writable().await;
    }

    /// Pumps, and tells the task what is left for it to do.
    pub fn see(&self) -> Needs {
        let mut out = self.out.lock();
        self.write(&mut out);
        Needs { stuck_since: out.stuck_since, end: out.end, probes: std::mem::take(&mut out.probes) }
    }

    fn write(&self, out: &mut Out) {
        let calm = out.is_calm();
        while out.end != Some(End::Gone) {
            let more = out.end.is_none() && out.collect(&self.news);
            if !self.flush(out) || !more {
                break;
            }
        }
        metrics::sent(std::mem::take(&mut out.frames));
        out.count_unsent();
        if calm && !out.is_calm() {
            self.bell.notify_one();
        }
    }

    /// Gives whether all that waited is written.
    fn flush(&self, out: &mut Out) -> bool {
        while !out.unsent.is_empty() {
            let written = match out.unsent.len() {
                1 => self.tcp.try_write(&out.unsent[0]),
                _ => {
                    let mut pieces = [IoSlice::new(&[]); PIECES];
                    let filled = pieces.iter_mut().zip(&out.unsent).map(|(piece, bytes)| *piece = IoSlice::new(bytes)).count();
                    self.tcp.try_write_vectored(&pieces[..filled])
                }
            };
            match written {
                Ok(bytes) => out.took(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    out.stuck_since.get_or_insert_with(Instant::now);
                    return false;
                }
                Err(_) => {
                    out.end = Some(End::Gone);
                    return false;
                }
            }
        }
        out.stuck_since = None;
        true
    }
}
