//! How a process leaves. Asked to stop it is unready at once and serves on, so that its front has time to notice; then it takes
//! nothing new, finishes what is under way, and ends. Asked a second time it ends without waiting for anybody.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// After the second request: time for the words that take no waiting, such as why a socket closes.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
pub struct Leaving {
    /// Unready from now on.
    pub asked: CancellationToken,
    /// Whoever watches `/readyz` has looked away: nothing new is taken from now on.
    pub closing: CancellationToken,
    pub at_once: CancellationToken,
}

impl Leaving {
    /// Follows SIGTERM and SIGINT. `notice`: from being unready to taking nothing new.
    pub fn on_signals(notice: Duration) -> anyhow::Result<Leaving> {
        let leaving = Leaving::default();
        let mut signals = Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        let Leaving { asked, closing, at_once } = leaving.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = signals.next() => {}
                () = asked.cancelled() => {}
            }
            tracing::info!("asked to stop; leaving gently");
            metrics::draining();
            asked.cancel();
            let second = async {
                tokio::select! {
                    () = signals.next() => return,
                    () = tokio::time::sleep(notice) => closing.cancel(),
                }
                signals.next().await
            };
            second.await;
            tracing::info!("asked to stop again; leaving at once");
            closing.cancel();
            at_once.cancel();
        });
        Ok(leaving)
    }

    /// Does this work to its end, or until a moment after the second request.
    pub async fn unless_at_once(&self, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let cut = async {
            self.at_once.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            done = work => done,
            () = cut => Ok(()),
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
