//! A connection's way through the fleet, which can be cut or fall silent: a forwarder of bytes in front of each process.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Every connection ends at once, and new ones too.
    Cut,
    /// Connections stay and nothing passes, as when a network swallows everything without a word.
    Silent,
}

pub struct Link {
    address: SocketAddr,
    way: watch::Sender<Way>,
}

impl Link {
    /// In front of `target`, on a free port.
    pub async fn to(target: SocketAddr) -> io::Result<Link> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let way = watch::Sender::new(Way::Open);
        let look = way.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target, look.subscribe()));
            }
        });
        Ok(Link { address, way })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn carry(near: TcpStream, target: SocketAddr, way: watch::Receiver<Way>) -> io::Result<()> {
    let mut cut = way.clone();
    if *cut.borrow_and_update() == Way::Cut {
        return Ok(());
    }
    let far = TcpStream::connect(target).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        // A connection ends whole: whoever half-closes it is done with it in every protocol that passes here.
        _ = pump(near_read, far_write, way.clone()) => {}
        _ = pump(far_read, near_write, way) => {}
        _ = cut.wait_for(|way| *way == Way::Cut) => {}
    }
    Ok(())
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut way: watch::Receiver<Way>) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        // An error means that the link is gone, and its connections with it.
        way.wait_for(|way| *way == Way::Open).await.map_err(|_| io::ErrorKind::ConnectionAborted)?;
        to.write_all(&buffer[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// A server that sends back what it hears.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = socket.into_split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn what_is_silent_comes_later_and_what_is_cut_ends() {
        let link = Link::to(echo().await).await.unwrap();
        let mut socket = TcpStream::connect(link.address()).await.unwrap();
        let mut heard = [0; 1];
        socket.write_all(b"a").await.unwrap();
        socket.read_exact(&mut heard).await.unwrap();
        link.set(Way::Silent);
        socket.write_all(b"b").await.unwrap();
        assert!(timeout(Duration::from_millis(200), socket.read_exact(&mut heard)).await.is_err(), "nothing passes");
        link.set(Way::Open);
        socket.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"b");
        link.set(Way::Cut);
        assert!(!matches!(socket.read(&mut heard).await, Ok(1)), "it ends");
        let mut next = TcpStream::connect(link.address()).await.unwrap();
        assert!(!matches!(next.read(&mut heard).await, Ok(1)), "a new one too");
        link.set(Way::Open);
        let mut last = TcpStream::connect(link.address()).await.unwrap();
        last.write_all(b"c").await.unwrap();
        last.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"c");
    }
}
