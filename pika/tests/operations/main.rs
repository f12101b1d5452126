//! What whoever runs Pika relies on: the shipped rules and dashboards against a real Prometheus, the shipped front before real nodes,
//! backups that are put back, and a doctor who finds what is wrong.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)] // The stories of the nodes use all of it.
#[path = "../nodes/cluster.rs"]
mod cluster;

mod backup;
#[path = "../../../store/tests/cql/cassandra.rs"]
mod cassandra;
mod dashboards;
mod doctor;
mod drill;
mod front;
mod keyspace_backup;
mod metrics;
mod prometheus;
mod retention;
mod runbooks;
mod s3;
mod sealed_backup;
mod traces;

use std::path::{Path, PathBuf};

/// A file of the repository.
pub fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// The files of a folder that end so, by name.
pub fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(shipped(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(end));
    found.sort();
    assert!(!found.is_empty(), "{folder} holds nothing that ends with {end}");
    found
}

/// A port for a program that cannot be asked which one it got.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
