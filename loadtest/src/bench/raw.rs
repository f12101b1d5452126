//! A nats-server alone that syncs each message before it acknowledges it: what message by message costs.

use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::bench::child::free;
use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Place, broker};

const UNDER_WAY: usize = 256;
const BYTES: usize = 200;

pub fn measure(place: &Place, lasts: Duration, results: &mut Results) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("pika-bench-").tempdir()?;
    let [address] = free::<1>()?;
    let _broker = broker(place, place.server_core, dir.path(), address)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rate = runtime.block_on(async {
        let context = jetstream::new(async_nats::connect(address.to_string()).await.context("nats-server")?);
        let stream = jetstream::stream::Config { name: "RAW".to_owned(), subjects: vec!["raw".to_owned()], ..Default::default() };
        context.create_stream(stream).await.context("a stream")?;
        let payload = bytes::Bytes::from(vec![b'x'; BYTES]);
        let (began, mut acks, mut waiting) = (Instant::now(), 0u64, FuturesUnordered::new());
        loop {
            while waiting.len() < UNDER_WAY && began.elapsed() < lasts {
                waiting.push(context.publish("raw", payload.clone()).await?.into_future());
            }
            let Some(ack) = waiting.next().await else { break };
            ack?;
            acks += 1;
        }
        anyhow::Ok(acks as f64 / began.elapsed().as_secs_f64())
    })?;
    results.add(Row::Likes { spread: false }, Peer::JetStream, rate);
    eprintln!("  {:<10} {rate:.0} messages/s, {UNDER_WAY} under way, each synced", Peer::JetStream.name());
    Ok(())
}
