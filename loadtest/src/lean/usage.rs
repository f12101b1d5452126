//! What a process has cost, as the kernel counts it.

use anyhow::Context;

/// Clock ticks a second in `/proc`; the kernel's interface has had this value on every architecture for twenty years.
const TICKS: f64 = 100.0;

/// CPU seconds of all its threads, in the program and in the kernel for it.
pub fn cpu(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    // The name in brackets may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').context("no name")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).context("no times");
    Ok((ticks(11)? + ticks(12)?) as f64 / TICKS)
}

/// Bytes of memory that it has in RAM, counted page by page.
pub fn resident(pid: u32) -> anyhow::Result<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).with_context(|| format!("process {pid} is gone"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).context("no Rss")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let pid = std::process::id();
        let before = resident(pid).unwrap();
        let mut held = vec![0u8; 32 << 20];
        let began = std::time::Instant::now();
        while began.elapsed() < std::time::Duration::from_millis(60) {
            held.iter_mut().step_by(4096).for_each(|byte| *byte = byte.wrapping_add(1));
        }
        let grown = resident(pid).unwrap() - before;
        assert!(grown > 30 << 20, "{grown} bytes more for {} held", held.len());
        assert!(cpu(pid).unwrap() > 0.0);
        assert!(cpu(u32::MAX).is_err());
    }
}
