//! The store as a property: whatever flushes arrive, in whatever order and however often, the newest row of each key stands.

use std::collections::BTreeMap;

use schemas::{Epoch, Partition, PersonId, Pos, Seq, SessionId, TrackKey};

use super::sample::{load, save, sorted};
use crate::Live;
use crate::rows::{Changes, LikeRow, PlayRow, PollRow, RunRow, RunState, VoteRow, WishRow};

/// Saves the flushes one after the other and compares all that can be loaded with what should stand. Rows of one key at one
/// place must be the same row, as the fold makes them; the store must be fresh.
pub async fn the_newest_rows_stand(store: &dyn Live, flushes: &[Changes]) {
    let mut model = Model::default();
    for changes in flushes {
        save(store, changes).await;
        model.fold(changes);
    }
    for (partition, position) in &model.positions {
        assert_eq!(store.position(*partition).await, Ok(Some(*position)));
    }
    for (session, begin) in model.latest() {
        assert_eq!(load(store, &session).await, model.state(&session, begin));
    }
    let totals = store.totals().await.expect("totals");
    let sums = |value: fn(&RunRow) -> u64| model.runs.values().map(value).sum::<u64>();
    assert_eq!((totals.sessions, totals.tracks, totals.likes), (model.runs.len() as u64, sums(|r| r.tracks), sums(|r| r.likes)));
    let top = store.top_tracks(usize::MAX).await.expect("top tracks");
    let liked = model.plays.values().map(|play| play.likes).sum::<u64>();
    assert_eq!(top.iter().map(|track| track.likes).sum::<u64>(), liked);
    assert!(top.is_sorted_by_key(|track| std::cmp::Reverse(track.likes)));
}

type Run = (SessionId, Seq);

#[derive(Default)]
struct Model {
    positions: BTreeMap<Partition, Pos>,
    epochs: BTreeMap<Run, Epoch>,
    runs: BTreeMap<Run, RunRow>,
    plays: BTreeMap<(Run, Seq), PlayRow>,
    likes: BTreeMap<(Run, PersonId, TrackKey), LikeRow>,
    wishes: BTreeMap<(Run, Seq, PersonId), WishRow>,
    polls: BTreeMap<(Run, u64), PollRow>,
    votes: BTreeMap<(Run, u64, PersonId), VoteRow>,
}

impl Model {
    fn fold(&mut self, changes: &Changes) {
        let position = self.positions.entry(changes.partition).or_default();
        *position = changes.upto.max(*position);
        for row in &changes.runs {
            let run = (row.session.clone(), row.begin);
            let epoch = self.epochs.entry(run.clone()).or_insert(row.pos.epoch());
            *epoch = row.pos.epoch().min(*epoch);
            keep(&mut self.runs, run, row, |r| r.pos);
        }
        for row in &changes.plays {
            keep(&mut self.plays, ((row.session.clone(), row.begin), row.play), row, |r| r.pos);
        }
        for row in &changes.likes {
            keep(&mut self.likes, ((row.session.clone(), row.begin), row.person, row.key), row, |r| r.pos);
        }
        for row in &changes.wishes {
            keep(&mut self.wishes, ((row.session.clone(), row.begin), row.play, row.person), row, |r| r.pos);
        }
        for row in &changes.polls {
            keep(&mut self.polls, ((row.session.clone(), row.begin), row.poll.get()), row, |r| r.pos);
        }
        for row in &changes.votes {
            keep(&mut self.votes, ((row.session.clone(), row.begin), row.poll.get(), row.person), row, |r| r.pos);
        }
    }

    /// Each session's latest run: the last to begin in the last epoch in which one began.
    fn latest(&self) -> BTreeMap<SessionId, Seq> {
        let mut runs: Vec<_> = self.epochs.iter().map(|((session, begin), epoch)| (*epoch, *begin, session.clone())).collect();
        runs.sort();
        runs.into_iter().map(|(_, begin, session)| (session, begin)).collect()
    }

    fn state(&self, session: &SessionId, begin: Seq) -> RunState {
        let run = (session.clone(), begin);
        sorted(RunState {
            plays: self.plays.values().filter(|r| (&r.session, r.begin) == (session, begin)).cloned().collect(),
            likes: self.likes.values().filter(|r| (&r.session, r.begin) == (session, begin)).cloned().collect(),
            wishes: self.wishes.values().filter(|r| (&r.session, r.begin) == (session, begin)).cloned().collect(),
            polls: self.polls.values().filter(|r| (&r.session, r.begin) == (session, begin)).cloned().collect(),
            votes: self.votes.values().filter(|r| (&r.session, r.begin) == (session, begin)).cloned().collect(),
            run: self.runs[&run].clone(),
        })
    }
}

fn keep<K: Ord, R: Clone>(rows: &mut BTreeMap<K, R>, key: K, row: &R, pos: fn(&R) -> Pos) {
    let kept = rows.entry(key).or_insert_with(|| row.clone());
    if pos(row) > pos(kept) {
        *kept = row.clone();
    }
}
