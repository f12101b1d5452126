//! What compressing long messages saves, and what it costs: the same messages to a crowd that offers it and to one that does not.

use std::thread::sleep;
use std::time::Duration;

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::lean::crowd::Deaf;
use crate::lean::dialect::{long_fact, long_title};
use crate::lean::flow::{self, Numbers, Pace};

const SOCKETS: usize = 1000;
const SETTLE: Duration = Duration::from_millis(1500);

pub fn measure(place: &Place, lasts: Duration, results: &mut Results) -> anyhow::Result<()> {
    for packed in [false, true] {
        let mut server = Server::start(place, Peer::Pika, Layout::Apart)?;
        server.session = server.go_live(&[long_title()])?;
        let mut crowd = server.crowd()?;
        if packed {
            crowd.offer_deflate();
        }
        let mut publishers = server.publishers(1)?;
        publishers.iter_mut().for_each(|publisher| publisher.text = long_fact);
        crowd.with(&mut publishers)?;
        crowd.enter(SOCKETS, &mut Deaf)?;
        sleep(SETTLE);
        let mut numbers = Numbers::default();
        flow::run(&mut crowd, &mut publishers, &mut numbers, Pace::UnderWay(1), lasts / 4)?;
        let (before, came) = (server.cpu()?, crowd.bytes);
        let flowed = flow::run(&mut crowd, &mut publishers, &mut numbers, Pace::UnderWay(1), lasts)?;
        let cost = (server.cpu()? - before) / flowed.deliveries as f64 * 1e6;
        let bytes = (crowd.bytes - came) as f64 / flowed.deliveries as f64;
        results.add(Row::Long { packed }, Peer::Pika, cost);
        results.add(Row::LongBytes { packed }, Peer::Pika, bytes);
        eprintln!("  {} to {SOCKETS}: {cost:.2} CPU-s/M, {bytes:.0} bytes a delivery", if packed { "compressed" } else { "plain" });
    }
    Ok(())
}
