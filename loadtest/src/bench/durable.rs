//! Likes, each dancer with one under way: how many are acknowledged, how soon, and whether every one of them counts in the end.
//! Pika acknowledges what is synced to disk; the peers what they have read.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::lean::crowd::Deaf;
use crate::lean::likes::{Likes, title};
use crate::lean::publisher::Session;

const DANCERS: usize = 1000;
/// Sessions that the same dancers spread over.
pub const SPREAD: usize = 1000;
/// Tracks that each session has played: few, where there are many sessions to prepare.
const TRACKS: usize = 100;
pub const TRACKS_EACH: usize = 10;
/// What one dancer may say: more than anyone does in the time.
const MOST: usize = 4000;
const ALONE: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);
const SETTLE: Duration = Duration::from_secs(2);
/// How long the counts may take to be exact.
const COUNTED: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

pub fn measure(place: &Place, peer: Peer, lasts: Duration, results: &mut Results) -> anyhow::Result<()> {
    if peer != Peer::Pika {
        return rush(&Server::start(place, peer, Layout::Apart)?, &[], lasts, results);
    }
    for count in [1, SPREAD] {
        // A server of its own for each, so that neither finds the other's log.
        let server = Server::start(place, peer, Layout::Together)?;
        let titles: Vec<String> = (0..if count == 1 { TRACKS } else { TRACKS_EACH }).map(title).collect();
        let sessions = (0..count).map(|_| server.go_live(&titles)).collect::<anyhow::Result<Vec<Session>>>()?;
        rush(&server, &sessions, lasts, results)?;
    }
    Ok(())
}

pub fn rush(server: &Server, sessions: &[Session], lasts: Duration, results: &mut Results) -> anyhow::Result<()> {
    let peer = server.peer;
    let mut crowd = match sessions {
        [] => server.crowd()?,
        some => server.crowd_of(some.iter().map(|session| (session.id.as_str(), None)))?,
    };
    crowd.enter(DANCERS, &mut Deaf)?;
    sleep(SETTLE);
    let spread = sessions.len() > 1;
    let mut likes = Likes::new(&crowd.dialect, DANCERS, if spread { TRACKS_EACH } else { TRACKS }, MOST);
    // The first ones are nobody's: connections to the broker are made, code is compiled.
    likes.alone(&mut crowd, ALONE / 10, PAUSE)?;
    let idle = likes.alone(&mut crowd, ALONE, PAUSE)?;
    let before = server.cpu()?;
    let liked = likes.rush(&mut crowd, lasts)?;
    let ended = Instant::now();
    let spent = server.cpu()? - before;
    let rate = liked.acks as f64 / liked.took.as_secs_f64();
    let [p50, p99] = [0.5, 0.99].map(|q| liked.times.value_at_quantile(q) as f64 / 1e3);
    let idle = idle.times.value_at_quantile(0.99) as f64 / 1e3;
    results.add(Row::Likes { spread }, peer, rate);
    results.add(Row::LikesCost { spread }, peer, spent * 1e6 / liked.acks as f64);
    results.add(Row::Ack { spread }, peer, p99);
    results.add(Row::AckIdle { spread }, peer, idle);
    eprintln!(
        "  {:<10} {rate:.0} likes/s, {:.1} CPU-s/M, ACK p50 {p50:.1} ms, p99 {p99:.1} ms, idle p99 {idle:.1} ms",
        peer.name(),
        spent * 1e6 / liked.acks as f64
    );
    if !sessions.is_empty() {
        let late = counted(server, sessions, &likes, ended)?;
        results.add(Row::Counted { spread }, peer, late);
        eprintln!("  {:<10} every count exact {late:.2} s after the last ACK", peer.name());
    }
    Ok(())
}

/// Seconds from `since` until the store has counted exactly what was acknowledged.
fn counted(server: &Server, sessions: &[Session], likes: &Likes, since: Instant) -> anyhow::Result<f64> {
    let mut late = 0.0;
    for (n, session) in sessions.iter().enumerate() {
        let expected = likes.expected((n..DANCERS).step_by(sessions.len()));
        let mut found = server.likes(session)?;
        while found != expected {
            ensure!(since.elapsed() < COUNTED, "session {}: {found:?} are counted, {expected:?} were acknowledged", session.id);
            sleep(LOOK);
            found = server.likes(session)?;
            // Only a look that came too early tells how late the counts are; the many after it take their own time.
            late = since.elapsed().as_secs_f64();
        }
    }
    Ok(late)
}
