//! Verdicts of votes that this node took, from the workers to the voters' sockets.

use std::time::Duration;

use futures_util::StreamExt;
use schemas::note::{Outcome, Verdict, Verdicts};
use schemas::server::ServerMessage;

use crate::Fanout;

/// Pause before verdicts are followed again after the broker went away.
const AGAIN: Duration = Duration::from_millis(500);

/// People told before others get a turn.
const TURN: usize = 64;

pub async fn follow(fanout: Fanout) {
    let gone = fanout.inner.gone.clone();
    let follow = async {
        loop {
            if let Ok(mut verdicts) = fanout.inner.broker.verdicts(&fanout.inner.node).await {
                while let Some(verdicts) = verdicts.next().await {
                    tell(&fanout, &verdicts).await;
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    gone.run_until_cancelled(follow).await;
}

async fn tell(fanout: &Fanout, verdicts: &Verdicts) {
    let Some(hub) = fanout.inner.hubs.known(&verdicts.session) else { return };
    for (i, verdict) in verdicts.list.iter().enumerate() {
        if i % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let tally = verdicts.tallies.iter().find(|(poll, _)| *poll == verdict.poll).map(|(_, votes)| votes.clone());
        hub.tell(verdict, &message(verdict, tally));
    }
}

fn message(verdict: &Verdict, tally: Option<Vec<u64>>) -> ServerMessage {
    let total = tally.as_ref().map(|votes| votes.iter().sum::<u64>());
    match verdict.outcome {
        Outcome::Counted { option } => ServerMessage::VoteConfirmed {
            poll_id: verdict.poll,
            option_index: option,
            votes: tally.unwrap_or_default(),
            total_votes: total.unwrap_or_default(),
        },
        Outcome::Rejected(why) => {
            ServerMessage::VoteRejected { poll_id: verdict.poll, reason: why.words().to_owned(), votes: tally, total_votes: total }
        }
    }
}
