//! How soon a role is ready (`/readyz`, asked every 20 ms) once what it needs is there, and how large the program is.

use crate::bench::peer::Peer;
use crate::bench::results::{Results, Row};
use crate::bench::server::{Layout, Place, Server};

/// Each beside a running one of its kind, so its file is in memory. Workers come last: those that were killed are missed for seconds.
const ROLES: [&str; 4] = ["ingest", "fanout", "api", "workers"];
const TRIES: usize = 5;

pub fn measure(place: &Place, results: &mut Results) -> anyhow::Result<()> {
    let server = Server::start(place, Peer::Pika, Layout::Together)?;
    for role in ROLES {
        for _ in 0..TRIES {
            let took = server.try_start(role)?.as_secs_f64();
            results.add(Row::Start { role }, Peer::Pika, took);
            eprintln!("  {:<10} {role} is ready after {took:.2} s", Peer::Pika.name());
        }
    }
    results.add(Row::Program, Peer::Pika, std::fs::metadata(place.pika()?)?.len() as f64 / 1e6);
    Ok(())
}
