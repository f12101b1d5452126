//! Ports that stay the same over all lives of a process.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// So many free addresses on this machine, all different. Somebody else may take one before it is used; then its process does
/// not start, and says so.
pub fn free<const N: usize>() -> io::Result<[SocketAddr; N]> {
    let mut held = Vec::with_capacity(N);
    for _ in 0..N {
        held.push(TcpListener::bind("127.0.0.1:0")?);
    }
    let addresses = held.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
    addresses.try_into().map_err(|_| io::ErrorKind::Other.into())
}
