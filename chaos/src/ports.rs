//! Ports that stay the same over all lives of a process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// So many free addresses, all different, on a loopback address of their own. On 127.0.0.1 the system hands the same ports to
/// whoever connects somewhere, and then a process does not come back to its address after a kill.
pub fn free<const N: usize>() -> io::Result<[SocketAddr; N]> {
    let [a, b, c] = rand::random::<[u8; 3]>();
    let own = Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 254));
    let held = (0..N).map(|_| TcpListener::bind((own, 0))).collect::<io::Result<Vec<_>>>()?;
    let addresses = held.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
    addresses.try_into().map_err(|_| io::ErrorKind::Other.into())
}
