//! The numbers of the process itself, and the only file here that names a metric.

use std::path::PathBuf;

use metrics::{Unit, describe_gauge, gauge};

use crate::admin::Places;
use crate::backup::Status;

pub fn describe() {
    describe_gauge!("pika_build_info", "1, with the version as a label.");
    describe_gauge!("pika_draining", "1 once the process was asked to stop.");
    describe_gauge!("pika_process_resident_bytes", Unit::Bytes, "Memory of the process that is in RAM.");
    describe_gauge!("pika_memory_limit_bytes", Unit::Bytes, "Memory that the process may have: its control group's, or the machine's.");
    describe_gauge!("pika_process_open_files", "Open files of the process; each socket is one.");
    describe_gauge!("pika_process_max_files", "Files that the process may have open.");
    describe_gauge!("pika_disk_free_bytes", Unit::Bytes, "What is free on the disk of the data directory.");
    describe_gauge!("pika_disk_bytes", Unit::Bytes, "The size of that disk.");
    describe_gauge!("pika_start_time_seconds", Unit::Seconds, "When the process started, since the epoch.");
    describe_gauge!("pika_backup_success_timestamp_seconds", Unit::Seconds, "When the last good backup was taken, since the epoch.");
    describe_gauge!("pika_backup_ok", "1 if the last try at a backup was a good one.");
    describe_gauge!("pika_backup_bytes", Unit::Bytes, "Size of the last good backup.");
    describe_gauge!("pika_backup_duration_seconds", Unit::Seconds, "Time that the last good backup took.");
    describe_gauge!("pika_store_bytes", Unit::Bytes, "The file of rows with what waits to be written into it, where there is one.");
    gauge!("pika_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("pika_draining").set(0.0);
    gauge!("pika_start_time_seconds").set(schemas::Millis::now().0 as f64 / 1000.0);
}

/// What is known of backups of this data directory.
fn backup(status: &Status) {
    gauge!("pika_backup_ok").set(if status.failed.is_none() { 1.0 } else { 0.0 });
    if let Some(good) = &status.good {
        gauge!("pika_backup_success_timestamp_seconds").set(good.at.0 as f64 / 1000.0);
        gauge!("pika_backup_bytes").set(good.bytes as f64);
        gauge!("pika_backup_duration_seconds").set(good.seconds);
    }
}

pub fn draining() {
    gauge!("pika_draining").set(1.0);
}

/// Looks at the process and its disk, where the system has a `/proc` to look at.
pub fn look(places: &Places) {
    if let Ok(disk) = rustix::fs::statvfs(&places.data) {
        gauge!("pika_disk_free_bytes").set(disk.f_bavail.saturating_mul(disk.f_frsize) as f64);
        gauge!("pika_disk_bytes").set(disk.f_blocks.saturating_mul(disk.f_frsize) as f64);
    }
    if let Some(status) = Status::read(&places.data) {
        backup(&status);
    }
    if let Some(rows) = &places.rows {
        let mut beside = rows.clone().into_os_string();
        beside.push("-wal");
        let bytes =
            [rows, &PathBuf::from(beside)].iter().filter_map(|path| std::fs::metadata(path).ok()).map(|meta| meta.len()).sum::<u64>();
        gauge!("pika_store_bytes").set(bytes as f64);
    }
    if let Some(files) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        gauge!("pika_process_max_files").set(files as f64);
    }
    if let Some(bytes) = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| resident(&status)) {
        gauge!("pika_process_resident_bytes").set(bytes as f64);
    }
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    if let Some(bytes) = memory_limit(&read("/sys/fs/cgroup/memory.max"), &read("/proc/meminfo")) {
        gauge!("pika_memory_limit_bytes").set(bytes as f64);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        gauge!("pika_process_open_files").set(files.count() as f64);
    }
}

fn resident(status: &str) -> Option<u64> {
    kibibytes(status, "VmRSS:")
}

/// `group`: what the control group may have, or "max".
fn memory_limit(group: &str, machine: &str) -> Option<u64> {
    [group.trim().parse().ok(), kibibytes(machine, "MemTotal:")].into_iter().flatten().min()
}

fn kibibytes(lines: &str, name: &str) -> Option<u64> {
    let number = lines.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix("kB")?;
    number.trim().parse::<u64>().ok().map(|k| k * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_understood() {
        assert_eq!(resident("Name:\tpika\nVmRSS:\t   20480 kB\nThreads:\t4\n"), Some(20_971_520));
        assert_eq!(resident("Name:\tpika\n"), None);
        let machine = "MemTotal:        4096 kB\nMemFree:          1024 kB\n";
        assert_eq!(["2097152\n", "max\n", "", "8388608\n"].map(|group| memory_limit(group, machine)), [2, 4, 4, 4].map(|m| Some(m << 20)));
        assert_eq!(memory_limit("max\n", ""), None);
    }
}
