//! What facts do to rows: runs, plays, and polls as they open and end.

use schemas::server::TempoCount;
use schemas::view::{Change, OpenPoll, Play};
use schemas::{Seq, TrackKey};
use store::{PlayRow, PollRow, PollStatus, RunRow};

use crate::fold::{Fold, Place};
use crate::rows::Rows;

impl Fold {
    /// Gives whether a result was said that the rows contradict.
    pub(crate) fn change(&mut self, place: Place, change: &Change) -> bool {
        match change {
            Change::Begun => self.begun(place),
            Change::Back => self.back(place),
            Change::Ended(reason) => {
                self.end_polls(place);
                if let Some(rows) = self.rows_at(place) {
                    rows.run.change((), place.pos, |row| row.ended = Some((place.stamp, *reason)));
                }
            }
            Change::Track(play) => self.played(place, play),
            Change::Metadata(play) => {
                if let Some(rows) = self.rows_at(place) {
                    rows.plays.change(play.seq, place.pos, |row| row.track = play.track.clone());
                }
            }
            Change::PollOpened(poll) => self.opened(place, poll),
            Change::PollClosed { poll, close, votes } => return self.closed(place, poll.opened.poll, *close, Some(votes)),
            Change::PollCancelled { poll, close } => return self.closed(place, poll.opened.poll, *close, None),
            Change::Away | Change::Stopped | Change::Announced(_) | Change::AnnouncementEnded => {}
        }
        false
    }

    fn begun(&mut self, place: Place) {
        let Some(run) = self.view.run.clone() else { return };
        // Rows of this run, or of a later one, were loaded: they were saved by a flush that we fold again.
        if self.rows().is_some_and(|rows| rows.begin >= run.begin) {
            return;
        }
        self.begin_rows(Rows::begun(RunRow {
            session: self.session.clone(),
            begin: run.begin,
            pos: place.pos,
            dj_name: run.dj_name.clone(),
            slug: schemas::text::slug(&run.dj_name),
            owner: run.owner.clone(),
            join_code: run.join_code.clone(),
            began_at: run.began_at,
            ended: None,
            tracks: 0,
            likes: 0,
            peak_listeners: 0,
        }));
    }

    fn back(&mut self, place: Place) {
        let Some(owner) = self.view.run.as_ref().map(|run| run.owner.clone()) else { return };
        if let Some(rows) = self.rows_at(place)
            && rows.run.get(&()).is_some_and(|row| row.owner != owner)
        {
            rows.run.change((), place.pos, |row| row.owner = owner);
        }
    }

    fn played(&mut self, place: Place, play: &Play) {
        let session = self.session.clone();
        let Some(rows) = self.rows_at(place) else { return };
        if rows.plays.get(&play.seq).is_none() {
            let row = PlayRow {
                session,
                begin: rows.begin,
                play: play.seq,
                pos: place.pos,
                key: play.key,
                track: play.track.clone(),
                played_at: play.played_at,
                likes: 0,
                tempo: TempoCount::default(),
            };
            rows.play(row);
            rows.run.change((), place.pos, |row| row.tracks += 1);
        } else {
            rows.run.touch((), place.pos);
        }
    }

    fn opened(&mut self, place: Place, poll: &OpenPoll) {
        let session = self.session.clone();
        let Some(rows) = self.rows_at(place) else { return };
        let OpenPoll { opened, seq, opened_at, play } = poll;
        if rows.polls.get(&opened.poll).is_none() {
            let row = PollRow {
                session,
                begin: rows.begin,
                poll: opened.poll,
                pos: place.pos,
                question: opened.question.clone(),
                options: opened.options.clone(),
                allow_change: opened.allow_change,
                opened: *seq,
                opened_at: *opened_at,
                ends_at: opened.ends_at,
                play: *play,
                status: PollStatus::Open,
                votes: vec![0; opened.options.len()],
            };
            rows.open(row);
        }
    }

    pub(crate) fn peak(&mut self, place: Place, listeners: u64) {
        if let Some(rows) = self.rows_at(place)
            && rows.run.get(&()).is_some_and(|row| row.peak_listeners < listeners)
        {
            rows.run.change((), place.pos, |row| row.peak_listeners = listeners);
        }
    }

    /// The latest play of a track before this place.
    pub(crate) fn play_of(rows: &Rows, key: TrackKey, seq: Seq) -> Option<Seq> {
        rows.plays.iter().rev().find(|(play, row)| **play < seq && row.key == key).map(|(play, _)| *play)
    }
}
