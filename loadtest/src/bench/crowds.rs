//! What a crowd costs that only is there: the time to let it in, and the memory to keep it.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::lean::crowd::Deaf;

/// Sockets that come before memory is first looked at, so that what all share is there already.
const FIRST: usize = 100;
pub const IDLE: usize = 10_000;
pub const AT_ONCE: usize = 5_000;
/// What is set off by arrivals has been said and freed after this.
const SETTLE: Duration = Duration::from_secs(3);

/// Bytes for each socket that is subscribed and hears nothing.
pub fn memory(place: &Place, peer: Peer, results: &mut Results) -> anyhow::Result<()> {
    let server = Server::start(place, peer, Layout::Apart)?;
    let mut crowd = server.crowd()?;
    crowd.enter(FIRST, &mut Deaf)?;
    sleep(SETTLE);
    let before = server.resident()?;
    crowd.enter(IDLE, &mut Deaf)?;
    sleep(SETTLE);
    crowd.whole()?;
    let each = (server.resident()?.saturating_sub(before)) as f64 / IDLE as f64;
    results.add(Row::Memory, peer, each);
    eprintln!("  {:<10} {IDLE} idle sockets: {each:.0} bytes each, beside {:.0} MB", peer.name(), before as f64 / 1e6);
    Ok(())
}

/// Seconds until so many are connected, subscribed and answered.
pub fn connects(place: &Place, peer: Peer, results: &mut Results) -> anyhow::Result<()> {
    let server = Server::start(place, peer, Layout::Apart)?;
    let mut crowd = server.crowd()?;
    crowd.enter(FIRST, &mut Deaf)?;
    let before = server.cpu()?;
    let took = crowd.enter(AT_ONCE, &mut Deaf)?.as_secs_f64();
    results.add(Row::Connects, peer, took);
    eprintln!("  {:<10} {AT_ONCE} connects: {took:.2} s, {:.2} CPU-s", peer.name(), server.cpu()? - before);
    Ok(())
}
