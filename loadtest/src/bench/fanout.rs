//! Fan-out: what a delivery costs the server, and how late it is.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::lean::crowd::Deaf;
use crate::lean::flow::{self, Numbers, Pace};
use crate::lean::usage;

/// What the answers to subscriptions still set off is over after this.
const SETTLE: Duration = Duration::from_millis(1500);

pub struct Plan {
    pub sockets: Vec<usize>,
    pub under_way: Vec<usize>,
    pub lasts: Duration,
    pub paced: Duration,
}

/// Five a second, as in a lively evening's worst minute; the crowd whose receipts are timed.
const EVERY: Duration = Duration::from_millis(200);
pub const PACED_SOCKETS: usize = 1000;

pub fn measure(place: &Place, peer: Peer, plan: &Plan, results: &mut Results) -> anyhow::Result<()> {
    let server = Server::start(place, peer, Layout::Apart)?;
    let mut crowd = server.crowd()?;
    let mut publishers = server.publishers(1)?;
    crowd.with(&mut publishers)?;
    let mut numbers = Numbers::default();
    for sockets in &plan.sockets {
        crowd.enter(sockets - crowd.seated(), &mut Deaf)?;
        sleep(SETTLE);
        // Nobody pays for the first: buffers grow, code is compiled.
        flow::run(&mut crowd, &mut publishers, &mut numbers, Pace::UnderWay(1), plan.lasts / 4)?;
        for under_way in &plan.under_way {
            let (before, own) = (server.cpu()?, usage::cpu(std::process::id())?);
            let flowed = flow::run(&mut crowd, &mut publishers, &mut numbers, Pace::UnderWay(*under_way), plan.lasts)?;
            let (spent, own) = (server.cpu()? - before, usage::cpu(std::process::id())? - own);
            let (stored, count) = std::mem::take(&mut publishers[0].stored);
            let million = flowed.deliveries as f64 / 1e6;
            results.add(Row::Fanout { sockets: *sockets, under_way: *under_way }, peer, spent / million);
            eprintln!(
                "  {:<10} {sockets} sockets, {under_way} under way: {:.2} CPU-s/M, {:.0} k/s, p99 to the last {:.1} ms; the client {:.2} CPU-s/M{}",
                peer.name(),
                spent / million,
                flowed.deliveries as f64 / flowed.took.as_secs_f64() / 1e3,
                flowed.last.value_at_quantile(0.99) as f64 / 1e3,
                own / million,
                if count > 0 { format!("; {:.1} ms to store one", stored.as_secs_f64() * 1e3 / f64::from(count)) } else { String::new() },
            );
        }
        if *sockets == PACED_SOCKETS && !plan.paced.is_zero() {
            let before = server.cpu()?;
            let flowed = flow::run(&mut crowd, &mut publishers, &mut numbers, Pace::Every(EVERY), plan.paced)?;
            let spent = (server.cpu()? - before) / flowed.deliveries as f64 * 1e6;
            results.add(Row::PacedFanout, peer, spent);
            let [p50, p99] = [0.5, 0.99].map(|q| flowed.receipts.value_at_quantile(q) as f64 / 1e3);
            results.add(Row::Receipt, peer, p99);
            eprintln!(
                "  {:<10} {sockets} sockets at 5/s: {spent:.2} CPU-s/M, publish to receipt p50 {p50:.1} ms, p99 {p99:.1} ms",
                peer.name()
            );
        }
    }
    Ok(())
}
