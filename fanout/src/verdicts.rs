//! Verdicts of votes that this node took, from the workers to the voters' sockets.

use std::time::Duration;

use futures_util::StreamExt;
use nats::traces::{self, TARGET};
use schemas::PollId;
use schemas::note::{Outcome, Verdict, Verdicts};
use schemas::server::ServerMessage;
use schemas::view::View;
use tracing::{Instrument, trace_span};

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
                while let Some((verdicts, trace)) = verdicts.next().await {
                    let span = || trace_span!(target: TARGET, "fanout.verdicts", otel.kind = "consumer");
                    let span = traces::following(trace.as_slice(), span);
                    tell(&fanout, &verdicts).instrument(span).await;
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    gone.run_until_cancelled(follow).await;
}

async fn tell(fanout: &Fanout, verdicts: &Verdicts) {
    let Some(hub) = fanout.inner.hubs.known(&verdicts.session) else { return };
    let mut view = hub.session().view();
    for (i, verdict) in verdicts.list.iter().enumerate() {
        if i % TURN == TURN - 1 {
            tokio::task::yield_now().await;
            view = hub.session().view();
        }
        hub.tell(verdict, &message(verdict, tally(&view, verdict.poll, &verdicts.tallies)));
    }
}

/// How the votes stand, as voters may hear it. A client that does not know of hidden results expects a number for each option.
fn tally(view: &View, poll: PollId, tallies: &[(PollId, Vec<u64>)]) -> Option<Vec<u64>> {
    let (_, votes) = tallies.iter().find(|(counted, _)| *counted == poll)?;
    let concealed = view.run.as_ref().is_some_and(|run| run.conceals(poll));
    Some(if concealed { vec![0; votes.len()] } else { votes.clone() })
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

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::fact::{Begun, EndReason, Fact, FactRecord, Owner, PlacedFact, PollOpened};
    use schemas::{Millis, Seq};

    const POLL: u64 = 2;

    /// A run whose poll hides its results or does not, and what is said after it.
    fn view(hide_results: bool, then: Option<Fact>) -> View {
        let mut view = View::new("friday-night".parse().unwrap());
        let owner = Owner::Dj { id: "dj".into() };
        let begun = Begun { dj_name: "DJ".into(), owner, join_code: "ABCDEF".into(), by_socket: true };
        let options = vec!["a".into(), "b".into()];
        let opened =
            PollOpened { poll: PollId::new(POLL).unwrap(), question: "?".into(), options, ends_at: None, allow_change: true, hide_results };
        for (i, fact) in [Fact::Begun(begun), Fact::PollOpened(opened)].into_iter().chain(then).enumerate() {
            let record = FactRecord { at: Millis(0), op: None, fact };
            let session = view.session.clone();
            view.apply(&PlacedFact { session, seq: i as Seq + 1, stamp: Millis(0), record });
        }
        view
    }

    #[test]
    fn what_a_poll_hides_a_voter_hears_once_it_has_been_closed_and_never_otherwise() {
        let poll = PollId::new(POLL).unwrap();
        let ended = || Fact::Ended { reason: EndReason::Ended, begin: 1, owner: Owner::Dj { id: "dj".into() }, dj_name: "DJ".into() };
        let closed = || Fact::PollClosed { poll, close: 3, votes: vec![1, 3] };
        let cancelled = || Fact::PollCancelled { poll, close: 3 };
        let told = |hides, then| tally(&view(hides, then), poll, &[(poll, vec![1, 3])]);
        let (votes, zeros) = (Some(vec![1, 3]), Some(vec![0, 0]));
        assert_eq!(
            [told(false, None), told(false, Some(cancelled())), told(false, Some(ended()))],
            [votes.clone(), votes.clone(), votes.clone()]
        );
        assert_eq!([told(true, None), told(true, Some(cancelled())), told(true, Some(ended()))], [zeros.clone(), zeros.clone(), zeros]);
        assert_eq!(told(true, Some(closed())), votes);
        assert_eq!(tally(&view(true, None), poll, &[]), None);
    }
}
