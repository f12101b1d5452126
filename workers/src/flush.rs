//! What was folded and is not yet saved, and its way out: applause, rows and position, verdicts.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use nats::traces::{self, TARGET, Trace};
use schemas::note::{Applause, Clap, Verdict, Verdicts};
use schemas::{NodeId, Pos, Seq, SessionId};
use store::Changes;
use tracing::{Instrument, trace_span};

use crate::config::Config;
use crate::effects::Effects;
use crate::metrics::{self, Trouble};
use crate::partition::{Backoff, Share};

/// Items in one note. Fifty bytes each, they stay well below the broker's megabyte.
const ITEMS: usize = 4_096;

/// What gathers between two flushes.
pub struct Pending {
    /// Up to here was in the flush before.
    from: Seq,
    upto: Pos,
    /// Facts and claims.
    pub weight: usize,
    since: Option<Instant>,
    /// Whether somebody may wait for the flush: for a verdict, or for the rows of a fact.
    urgent: bool,
    /// When the flush before was made.
    flushed: Option<Instant>,
    pub sessions: HashSet<SessionId>,
    claps: HashMap<SessionId, Vec<(Seq, Clap)>>,
    verdicts: HashMap<(NodeId, SessionId), Vec<Verdict>>,
    /// Of what gathered.
    pub traces: Vec<Trace>,
}

/// One flush, complete: whoever runs it needs nothing else.
pub struct Flush {
    pub changes: Changes,
    pub applause: Vec<(SessionId, Applause)>,
    pub verdicts: Vec<(NodeId, Verdicts)>,
    pub traces: Vec<Trace>,
}

impl Pending {
    pub fn after(position: Pos) -> Self {
        Pending {
            from: position.seq(),
            upto: position,
            weight: 0,
            since: None,
            urgent: false,
            flushed: None,
            sessions: HashSet::new(),
            claps: HashMap::new(),
            verdicts: HashMap::new(),
            traces: Vec::new(),
        }
    }

    /// Everything up to here was folded.
    pub fn upto(&self) -> Pos {
        self.upto
    }

    pub fn reached(&mut self, pos: Pos, weight: usize, at: Instant) {
        self.upto = pos;
        self.weight += weight;
        self.since.get_or_insert(at);
    }

    /// Takes over what is to be said of an entry.
    pub fn add(&mut self, session: &SessionId, effects: &mut Effects) {
        self.sessions.insert(session.clone());
        if !effects.claps.is_empty() {
            self.claps.entry(session.clone()).or_default().append(&mut effects.claps);
        }
        self.urgent |= effects.change.is_some() || !effects.verdicts.is_empty();
        for (node, verdict) in effects.verdicts.drain(..) {
            self.verdicts.entry((node, session.clone())).or_default().push(verdict);
        }
    }

    /// When these are to be saved at the latest, if `flush_entries` are not there before.
    pub fn due(&self, config: &Config) -> Option<Instant> {
        let due = self.since? + config.flush_window;
        let paced = self.flushed.filter(|_| !self.urgent).map(|flushed| flushed + config.flush_pace);
        Some(paced.map_or(due, |paced| paced.max(due)))
    }

    /// Makes the flush and begins to gather anew. `changes` holds the rows; `tally` gives a session's votes in a poll.
    pub fn take(&mut self, changes: Changes, at: Instant, tally: impl Fn(&SessionId, schemas::PollId) -> Option<Vec<u64>>) -> Flush {
        let next = Pending { flushed: Some(at), ..Pending::after(self.upto) };
        let Pending { from, upto, claps, verdicts, traces, .. } = std::mem::replace(self, next);
        let applause =
            claps.into_iter().flat_map(|(session, items)| ranges(from, upto.seq(), items).into_iter().map(move |a| (session.clone(), a)));
        let verdicts = verdicts.into_iter().flat_map(|((node, session), list)| {
            let chunks: Vec<Vec<Verdict>> = list.chunks(ITEMS).map(<[Verdict]>::to_vec).collect();
            let tally = &tally;
            chunks.into_iter().map(move |list| {
                let polls: HashSet<_> = list.iter().map(|verdict| verdict.poll).collect();
                let tallies = polls.into_iter().filter_map(|poll| tally(&session, poll).map(|votes| (poll, votes))).collect();
                (node.clone(), Verdicts { session: session.clone(), list, tallies })
            })
        });
        Flush { changes, applause: applause.collect(), verdicts: verdicts.collect(), traces }
    }
}

/// Cuts a long list into notes at the borders of the log's messages, because a reader drops what lies at or before the last `to`.
fn ranges(from: Seq, to: Seq, items: Vec<(Seq, Clap)>) -> Vec<Applause> {
    let mut notes = Vec::new();
    let mut note = Applause { from, to, items: Vec::new() };
    for (seq, clap) in items {
        if note.items.len() >= ITEMS
            && let Some((last, _)) = note.items.last()
            && *last < seq
        {
            note.to = *last;
            let next = Applause { from: note.to, to, items: Vec::new() };
            notes.push(std::mem::replace(&mut note, next));
        }
        note.items.push((seq, clap));
    }
    notes.push(note);
    notes
}

/// Says the applause, saves rows and position, then says the verdicts.
///
/// Applause goes before the save: a crash in between says it twice, and readers drop by its range what they have heard; after the save
/// it would be lost for good, and the DJ's count with it. A verdict says "counted", so it waits until the row is on disk; one that a crash
/// swallows is missed by nobody, because the tally shows the vote.
pub async fn flush(share: &Share, flush: Flush) {
    let span = || trace_span!(target: TARGET, "workers.flush", otel.kind = "consumer", partition = share.partition.0);
    let span = traces::following(&flush.traces, span);
    run(share, flush).instrument(span).await
}

async fn run(share: &Share, flush: Flush) {
    let began = Instant::now();
    for (session, applause) in &flush.applause {
        if share.broker.send_applause(session, applause).await.is_err() {
            metrics::trouble(Trouble::Note);
        }
    }
    let mut backoff = Backoff::default();
    let saving = || trace_span!(target: TARGET, "store.save", otel.kind = "client");
    while let Err(error) = share.store.save(&flush.changes).instrument(traces::within(saving)).await {
        metrics::trouble(Trouble::Save);
        tracing::warn!(partition = share.partition.0, upto = flush.changes.upto.seq(), %error, "the store did not save a flush; it is tried again");
        backoff.wait().await;
    }
    for (node, verdicts) in &flush.verdicts {
        if share.broker.send_verdicts(node, verdicts).await.is_err() {
            metrics::trouble(Trouble::Note);
        }
    }
    metrics::flushed(began.elapsed());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tests::shelf::empty;
    use schemas::client::Reaction;
    use schemas::note::Outcome;
    use schemas::{PersonId, PollId};

    #[test]
    fn likes_alone_keep_the_pace_and_nobody_who_waits_is_kept_waiting() {
        let (config, session) = (Config::default(), SessionId::parse("friday-night").unwrap());
        let verdict = Verdict { person: PersonId([1; 16]), poll: PollId::new(1).unwrap(), outcome: Outcome::Counted { option: 0 } };
        let clap = || Effects { claps: vec![(1, Clap::Thanks(Reaction::ThankYou))], ..Effects::default() };
        let waited_for = [
            Effects { verdicts: vec![(NodeId::random(), verdict)], ..clap() },
            Effects { change: Some(schemas::view::Change::Stopped), ..clap() },
        ];
        let mut pending = Pending::after(Pos::new(1, 0));
        assert_eq!(pending.due(&config), None);
        let mut now = Instant::now();
        for effects in waited_for {
            let come = |pending: &mut Pending, mut effects: Effects, at| {
                pending.reached(Pos::new(1, 1), 1, at);
                pending.add(&session, &mut effects);
                pending.due(&config).unwrap() - at
            };
            now += Duration::from_secs(1);
            assert_eq!(come(&mut pending, clap(), now), config.flush_window, "after a quiet while");
            pending.take(empty(), now, |_, _| None);
            assert_eq!(come(&mut pending, clap(), now), config.flush_pace);
            assert_eq!(come(&mut pending, effects, now), config.flush_window);
            pending.take(empty(), now, |_, _| None);
            assert_eq!(come(&mut pending, clap(), now), config.flush_pace, "what was waited for has gone");
            pending.take(empty(), now, |_, _| None);
        }
    }

    #[test]
    fn long_applause_is_cut_between_messages() {
        let items: Vec<_> = (0..10_000u64).map(|i| (11 + i / 100, Clap::Thanks(Reaction::ThankYou))).collect();
        let notes = ranges(10, 500, items);
        assert_eq!((notes.first().map(|n| n.from), notes.last().map(|n| n.to)), (Some(10), Some(500)));
        assert_eq!(notes.iter().map(|n| n.items.len()).sum::<usize>(), 10_000);
        for pair in notes.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
            assert!(pair[0].items.iter().all(|(seq, _)| *seq <= pair[0].to));
            assert!(pair[1].items.iter().all(|(seq, _)| *seq > pair[1].from));
        }
    }
}
