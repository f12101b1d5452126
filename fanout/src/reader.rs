//! One socket's reading side. Bytes come through a buffer that all sockets of a thread share, so a socket that says nothing
//! holds none; tungstenite makes messages of them and answers pings and closes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::task::{Poll, ready};

use bytes::{Buf, Bytes};
use schemas::limits::BULK_FRAME_BYTES;
use tokio::net::TcpStream;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use crate::deflate::Unpacker;

/// Read in one go.
const SCRATCH: usize = 16 * 1024;
/// What each socket holds for a message that has come in part; longer ones take more as they come.
const HELD: usize = 256;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

pub struct Reader {
    websocket: WebSocketContext,
    /// Read from the peer and not looked at yet.
    unread: Bytes,
    unpacker: Option<Box<Unpacker>>,
    /// Why nothing behind `unread` can be read.
    broken: Option<Box<Error>>,
}

impl Reader {
    /// `early`: what the peer sent right behind its request. `deflate`: whether it may send compressed messages.
    pub fn new(early: &[u8], deflate: bool) -> Reader {
        let config = WebSocketConfig::default()
            .max_message_size(Some(BULK_FRAME_BYTES))
            .max_frame_size(Some(BULK_FRAME_BYTES))
            .read_buffer_size(HELD)
            .write_buffer_size(0);
        let websocket = WebSocketContext::new(Role::Server, Some(config));
        let mut reader = Reader { websocket, unread: Bytes::new(), unpacker: deflate.then(Box::default), broken: None };
        reader.take(early);
        reader
    }

    fn take(&mut self, read: &[u8]) {
        let Some(unpacker) = &mut self.unpacker else {
            self.unread = Bytes::copy_from_slice(read);
            return;
        };
        let mut plain = Vec::with_capacity(read.len());
        self.broken = unpacker.pass(read, &mut plain).err().map(Box::new);
        self.unread = plain.into();
    }

    /// Waits for bytes of the peer; gives how many came, 0 at its end. Whoever stops waiting loses none.
    pub async fn fill(&mut self, tcp: &TcpStream) -> io::Result<usize> {
        poll_fn(|cx| {
            loop {
                ready!(tcp.poll_read_ready(cx))?;
                let read = BUFFER.with_borrow_mut(|buffer| {
                    let read = tcp.try_read(buffer)?;
                    self.take(&buffer[..read]);
                    Ok(read)
                });
                match read {
                    Err(error) if io::Error::kind(&error) == io::ErrorKind::WouldBlock => continue,
                    read => return Poll::Ready(read),
                }
            }
        })
        .await
    }

    /// The next message of what was read, or nothing until more is read. What the protocol itself answers is put to `replies`.
    pub fn next(&mut self, replies: &mut Vec<u8>) -> Result<Option<Message>, Error> {
        match self.websocket.read(&mut Pipe { unread: &mut self.unread, replies }) {
            Ok(message) => Ok(Some(message)),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => self.broken.take().map_or(Ok(None), |error| Err(*error)),
            Err(error) => Err(error),
        }
    }
}

struct Pipe<'a> {
    unread: &'a mut Bytes,
    replies: &'a mut Vec<u8>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = into.len().min(self.unread.len());
        self.unread.copy_to_slice(&mut into[..n]);
        Ok(n)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
