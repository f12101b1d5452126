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
