//! What the machine gives: disk, files, and whether the last backup is young.

use std::path::Path;

use schemas::Millis;

use super::finding::Finding;
use crate::backup::Status;
use crate::settings::Settings;

/// A broker that meets a full disk stops; below this an evening may fill it.
const SCARCE: u64 = 2 << 30;
const NOTHING: u64 = 256 << 20;
/// Each socket is a file, and a node is made for thousands.
const FILES: u64 = 4096;
/// A backup a day, and some time to take it.
const OLD: i64 = 26 * 3_600_000;

pub fn look(settings: &Settings) -> Vec<Finding> {
    vec![disk(&settings.data), files(), backup(&settings.data)]
}

fn disk(data: &Path) -> Finding {
    if !data.is_dir() {
        let mend = "it is made at the first start, or say with --data where it is";
        return Finding::warning("disk", format!("there is no data directory {}", data.display()), mend);
    }
    if let Err(error) = tempfile::tempfile_in(data) {
        return Finding::fault("disk", format!("{} cannot be written: {error}", data.display()), "give it to the user that Pika runs as");
    }
    match rustix::fs::statvfs(data) {
        Err(error) => Finding::warning("disk", format!("{}: {error}", data.display()), "look at the disk"),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let words = format!("{} MB are free for {}", free >> 20, data.display());
            let mend = "make room, as in docs/runbooks/disk.md";
            match free {
                free if free < NOTHING => Finding::fault("disk", words, mend),
                free if free < SCARCE => Finding::warning("disk", words, mend),
                _ => Finding::fine("disk", words),
            }
        }
    }
}

fn files() -> Finding {
    match rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        Some(most) if most < FILES => {
            let words = format!("this process may open {most} files, and each socket is one");
            Finding::warning("files", words, "raise `ulimit -n`, or LimitNOFILE of the unit, to 65536")
        }
        Some(most) => Finding::fine("files", format!("{most} may be open")),
        None => Finding::fine("files", "any number may be open"),
    }
}

fn backup(data: &Path) -> Finding {
    let mend = "see docs/runbooks/backup.md";
    let Some(status) = Status::read(data) else {
        return Finding::warning("backup", "none was ever taken of this data directory", mend);
    };
    if let Some(why) = &status.failed {
        return Finding::warning("backup", format!("the last try failed: {why}"), mend);
    }
    match status.good {
        Some(good) if Millis::now().since(good.at) > OLD => Finding::warning("backup", format!("the newest, {}, is old", good.name), mend),
        Some(good) => Finding::fine("backup", format!("{}, {} bytes", good.name, good.bytes)),
        None => Finding::warning("backup", "none was ever good", mend),
    }
}
