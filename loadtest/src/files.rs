//! Open files: each dancer is one.

use anyhow::bail;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside the dancers: the DJ, HTTP connections, the runtime's own.
const SPARE: u64 = 64;

/// Raises the limit as far as it takes, or says what to do.
pub fn allow(dancers: usize) -> anyhow::Result<()> {
    let need = dancers as u64 + SPARE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= need) {
        return Ok(());
    }
    // Who is root may go beyond the hard limit too; so may then the servers that are started from here.
    let most = limit.maximum.map(|most| most.max(need));
    if setrlimit(Resource::Nofile, Rlimit { current: Some(need), maximum: most }).is_err() {
        bail!(
            "{dancers} dancers need {need} open files, this system allows {}: raise the hard limit (ulimit -Hn) or take fewer dancers",
            limit.maximum.unwrap_or(0)
        );
    }
    Ok(())
}

/// As many as can be had, at most `wanted`, in round thousands.
pub fn most(wanted: usize) -> usize {
    let thousands = (1..=wanted.div_ceil(1000)).rev().map(|thousands| (thousands * 1000).min(wanted));
    thousands.into_iter().find(|sockets| allow(*sockets).is_ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_system_has_is_cut_to_what_it_has() {
        assert_eq!(most(10), 10);
        let all = most(100_000_000);
        assert!(all < 100_000_000 && all.is_multiple_of(1000) && allow(all).is_ok() && allow(all + 1000).is_err(), "{all}");
    }
}
