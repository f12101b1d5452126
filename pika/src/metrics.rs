//! The numbers of the process itself, and the only file here that names a metric.

use metrics::{Unit, describe_gauge, gauge};

pub fn describe() {
    describe_gauge!("pika_build_info", "1, with the version as a label.");
    describe_gauge!("pika_draining", "1 once the process was asked to stop.");
    describe_gauge!("pika_process_resident_bytes", Unit::Bytes, "Memory of the process that is in RAM.");
    describe_gauge!("pika_process_open_files", "Open files of the process; each socket is one.");
    gauge!("pika_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("pika_draining").set(0.0);
}

pub fn draining() {
    gauge!("pika_draining").set(1.0);
}

/// Looks at the process, where the system has a `/proc` to look at.
pub fn look() {
    if let Some(bytes) = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| resident(&status)) {
        gauge!("pika_process_resident_bytes").set(bytes as f64);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        gauge!("pika_process_open_files").set(files.count() as f64);
    }
}

fn resident(status: &str) -> Option<u64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?;
    kibibytes.trim().parse::<u64>().ok().map(|k| k * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_understood() {
        assert_eq!(resident("Name:\tpika\nVmRSS:\t   20480 kB\nThreads:\t4\n"), Some(20_971_520));
        assert_eq!(resident("Name:\tpika\n"), None);
    }
}
