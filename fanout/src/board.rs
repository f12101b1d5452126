//! The board of one session: what its sockets are to hear, in order, held once. Sockets pull with a [`Cursor`].
//!
//! Facts stay in a ring until they are a thousand or a megabyte behind. States stand in slots where the newer replaces the
//! older. The board also keeps the pace of NOW_PLAYING: at most one a second, a newer track replacing one not shown yet;
//! what follows in the log waits behind it, so that positions rise as the log has them. Time is a parameter here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use schemas::limits::{RESUME_BYTES, RESUME_MESSAGES};
use schemas::{Epoch, Seq};
use tokio::time::Instant;

use crate::delivery::{Delivery, Flavour};

/// States of which only the newest is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Listeners,
    Tempo,
    Tally,
    /// How the votes stand in a poll that hides it: only DJs hear it.
    HiddenTally,
    Like,
    Thanks,
}

const SLOTS: [Slot; 6] = [Slot::Listeners, Slot::Tempo, Slot::Tally, Slot::HiddenTally, Slot::Like, Slot::Thanks];

/// A socket's place on a board.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cursor {
    /// The newest fact sent.
    pub seq: Seq,
    /// The epoch that it belongs to.
    pub epoch: Epoch,
    /// A DJ hears each like and thanks by itself, and so not the paced ones; and what a poll hides from everybody else.
    pub is_dj: bool,
    slots: [u64; SLOTS.len()],
}

impl Cursor {
    /// The same place, as if this state had not been heard.
    pub fn without(mut self, slot: Slot) -> Self {
        self.slots[slot as usize] = 0;
        self
    }

    /// The same place for a socket that is, or is not, the DJ's.
    pub fn of_dj(mut self, is_dj: bool) -> Self {
        self.is_dj = is_dj;
        self
    }
}

struct Entry {
    seq: Seq,
    delivery: Arc<Delivery>,
    bytes: usize,
    track: bool,
    /// A newer track came before this one was shown.
    replaced: bool,
}

pub struct Board {
    epoch: Epoch,
    ring: VecDeque<Entry>,
    ring_bytes: usize,
    /// Facts up to here have left the ring.
    floor: Seq,
    /// Facts up to here may be sent.
    shown: Seq,
    next_track: Instant,
    pace: Duration,
    slots: [(u64, Option<Arc<Delivery>>); SLOTS.len()],
    version: u64,
}

/// What a pull found.
pub enum Pulled {
    /// To be sent; `more` when the limit was reached before the end.
    Deliveries { list: Vec<Arc<Delivery>>, more: bool },
    /// Facts after the cursor are gone from the ring, or it stands in another epoch: the socket has to start from the state.
    Missed,
}

impl Board {
    pub fn new(epoch: Epoch, pace: Duration, now: Instant) -> Self {
        Board {
            epoch,
            ring: VecDeque::new(),
            ring_bytes: 0,
            floor: 0,
            shown: 0,
            next_track: now,
            pace,
            slots: std::array::from_fn(|_| (0, None)),
            version: 0,
        }
    }

    /// Puts what happened before anybody here listened: shown at once.
    pub fn seed(&mut self, seq: Seq, delivery: Arc<Delivery>) {
        self.push(seq, delivery, false);
        self.shown = seq;
    }

    /// Facts at or before `seq` are not on this board and never will be.
    pub fn start_after(&mut self, seq: Seq) {
        self.floor = self.floor.max(seq);
        self.shown = self.shown.max(seq);
    }

    pub fn push(&mut self, seq: Seq, delivery: Arc<Delivery>, track: bool) {
        if self.ring.back().is_some_and(|last| last.seq >= seq) || seq <= self.floor {
            return;
        }
        let flavour = Flavour { codec: schemas::codec::Codec::Json, positions: true, deflate: false };
        let bytes = delivery.frames(flavour).bytes.len();
        self.ring_bytes += bytes;
        self.ring.push_back(Entry { seq, delivery, bytes, track, replaced: false });
        while self.ring.len() > RESUME_MESSAGES || self.ring_bytes > RESUME_BYTES {
            let Some(gone) = self.ring.pop_front() else { break };
            self.ring_bytes -= gone.bytes;
            self.floor = gone.seq;
            self.shown = self.shown.max(gone.seq);
        }
    }

    /// Shows what may be shown. Gives when to look again, if something waits for its turn.
    pub fn advance(&mut self, now: Instant) -> Option<Instant> {
        let mut at = self.ring.partition_point(|e| e.seq <= self.shown);
        while at < self.ring.len() {
            if self.ring[at].track && now < self.next_track {
                if !self.ring.get(at + 1).is_some_and(|next| next.track) {
                    return Some(self.next_track);
                }
                self.ring[at].replaced = true;
            } else if self.ring[at].track {
                self.next_track = now + self.pace;
            }
            self.shown = self.ring[at].seq;
            at += 1;
        }
        None
    }

    pub fn set(&mut self, slot: Slot, delivery: Arc<Delivery>) {
        self.version += 1;
        self.slots[slot as usize] = (self.version, Some(delivery));
    }

    pub fn clear(&mut self, slot: Slot) {
        self.slots[slot as usize].1 = None;
    }

    /// A cursor that has heard everything up to `seq` and every state, except what a poll hides: whoever turns out to be a DJ's
    /// socket, as every console's does, hears that then, and dancers' cursors stay equal to one another.
    pub fn cursor(&self, seq: Seq) -> Cursor {
        let slots = self.slots.each_ref().map(|(version, _)| *version);
        Cursor { seq, epoch: self.epoch, is_dj: false, slots }.without(Slot::HiddenTally)
    }

    /// The cursor of whoever has heard everything that is shown now.
    pub fn here(&self) -> Cursor {
        self.cursor(self.shown)
    }

    /// A cursor that has heard everything up to `seq`, the listener count, and of other states nothing.
    pub fn cursor_without_states(&self, seq: Seq) -> Cursor {
        let mut cursor = Cursor { seq, epoch: self.epoch, ..Cursor::default() };
        cursor.slots[Slot::Listeners as usize] = self.slots[Slot::Listeners as usize].0;
        // Likes and thanks are moments, not states: a socket that comes back does not hear an old one.
        for slot in [Slot::Like, Slot::Thanks] {
            cursor.slots[slot as usize] = self.slots[slot as usize].0;
        }
        cursor
    }

    /// The newest fact put here, shown or not.
    pub fn newest(&self) -> Seq {
        self.ring.back().map_or(self.floor, |e| e.seq)
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether every fact after `seq` that is on the board's side of the log can still be given.
    pub fn covers(&self, seq: Seq) -> bool {
        seq >= self.floor
    }

    /// The next deliveries after the cursor, at most `limit` bytes of them (at least one), and moves the cursor behind them.
    pub fn pull(&self, cursor: &mut Cursor, limit: usize) -> Pulled {
        if cursor.seq < self.floor || cursor.epoch != self.epoch {
            return Pulled::Missed;
        }
        let mut list = Vec::new();
        let mut bytes = 0;
        let from = self.ring.partition_point(|e| e.seq <= cursor.seq);
        for entry in self.ring.iter().skip(from).take_while(|e| e.seq <= self.shown) {
            if bytes >= limit {
                return Pulled::Deliveries { list, more: true };
            }
            cursor.seq = entry.seq;
            if entry.replaced || entry.delivery.is_silent() {
                continue;
            }
            bytes += entry.bytes;
            list.push(entry.delivery.clone());
        }
        // A count belongs to a track or poll: while a fact waits for its turn, what was counted after it waits too.
        let all_shown = self.newest() <= self.shown;
        for slot in SLOTS {
            let waits = matches!(slot, Slot::Tempo | Slot::Tally | Slot::HiddenTally) && !all_shown;
            let (version, delivery) = &self.slots[slot as usize];
            let passes = matches!(slot, Slot::HiddenTally) && !cursor.is_dj;
            if *version > cursor.slots[slot as usize] && !waits && !passes {
                cursor.slots[slot as usize] = *version;
                let theirs = match slot {
                    Slot::Like | Slot::Thanks => !cursor.is_dj,
                    Slot::Listeners | Slot::Tempo | Slot::Tally | Slot::HiddenTally => true,
                };
                if let Some(delivery) = delivery.as_ref().filter(|_| theirs) {
                    list.push(delivery.clone());
                }
            }
        }
        Pulled::Deliveries { list, more: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::Millis;
    use schemas::server::ServerMessage;

    fn pong(n: i64) -> ServerMessage {
        ServerMessage::Pong { timestamp: Millis(n) }
    }

    fn fact(seq: Seq) -> Arc<Delivery> {
        Arc::new(Delivery::new(Some(seq), vec![pong(seq as i64)]))
    }

    fn seqs(board: &Board, cursor: &mut Cursor) -> Vec<Seq> {
        match board.pull(cursor, usize::MAX) {
            Pulled::Deliveries { list, .. } => list.iter().filter_map(|d| d.seq).collect(),
            Pulled::Missed => panic!("missed"),
        }
    }

    #[test]
    fn a_burst_of_tracks_shows_the_first_and_the_newest_and_keeps_order() {
        let start = Instant::now();
        let mut board = Board::new(1, Duration::from_secs(1), start);
        let mut cursor = board.cursor(0);
        for seq in 1..=3 {
            board.push(seq, fact(seq), true);
            board.advance(start);
        }
        board.push(4, fact(4), false);
        let again = board.advance(start);
        assert_eq!(seqs(&board, &mut cursor), [1], "what follows a waiting track waits behind it");
        assert_eq!(again, Some(start + Duration::from_secs(1)));
        board.advance(start + Duration::from_secs(1));
        assert_eq!(seqs(&board, &mut cursor), [3, 4]);
        assert_eq!(seqs(&board, &mut cursor), [] as [Seq; 0]);
    }

    #[test]
    fn a_slow_reader_gets_every_fact_and_only_the_newest_state() {
        let now = Instant::now();
        let mut board = Board::new(1, Duration::ZERO, now);
        let mut cursor = board.cursor(0);
        for n in 1..=5 {
            board.push(n, fact(n), false);
            board.set(Slot::Listeners, Arc::new(Delivery::of(pong(n as i64))));
        }
        board.advance(now);
        let Pulled::Deliveries { list, more } = board.pull(&mut cursor, usize::MAX) else { panic!("missed") };
        assert_eq!((list.len(), more), (6, false));
        assert_eq!(list.iter().filter_map(|d| d.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_count_does_not_overtake_the_track_it_belongs_to() {
        let start = Instant::now();
        let mut board = Board::new(1, Duration::from_secs(1), start);
        let mut cursor = board.cursor(0);
        for seq in 1..=2 {
            board.push(seq, fact(seq), true);
            board.advance(start);
        }
        board.set(Slot::Tempo, Arc::new(Delivery::of(pong(0))));
        assert_eq!(seqs(&board, &mut cursor), [1]);
        board.advance(start + Duration::from_secs(1));
        let Pulled::Deliveries { list, .. } = board.pull(&mut cursor, usize::MAX) else { panic!("missed") };
        assert_eq!(list.iter().map(|d| d.seq).collect::<Vec<_>>(), [Some(2), None]);
    }

    #[test]
    fn a_pull_stops_at_its_limit_and_goes_on_where_it_stopped() {
        let now = Instant::now();
        let mut board = Board::new(1, Duration::ZERO, now);
        let mut cursor = board.cursor(0);
        (1..=4).for_each(|n| board.push(n, fact(n), false));
        board.advance(now);
        let mut got = Vec::new();
        loop {
            let Pulled::Deliveries { list, more } = board.pull(&mut cursor, 1) else { panic!("missed") };
            got.extend(list.iter().filter_map(|d| d.seq));
            if !more {
                break;
            }
        }
        assert_eq!(got, [1, 2, 3, 4]);
    }

    #[test]
    fn a_reader_behind_the_ring_is_told_so_and_never_gets_a_part() {
        let now = Instant::now();
        let mut board = Board::new(1, Duration::ZERO, now);
        let mut cursor = board.cursor(0);
        (1..=RESUME_MESSAGES as Seq + 1).for_each(|n| board.push(n, fact(n), false));
        board.advance(now);
        assert!(matches!(board.pull(&mut cursor, usize::MAX), Pulled::Missed));
        assert!(!board.covers(0) && board.covers(1));
    }

    #[test]
    fn what_a_poll_hides_only_its_dj_hears() {
        let now = Instant::now();
        let mut board = Board::new(1, Duration::ZERO, now);
        let (mut dancer, mut late) = (board.here(), board.here());
        let mut dj = board.here().of_dj(true);
        board.set(Slot::HiddenTally, Arc::new(Delivery::of(pong(1))));
        let heard = |board: &Board, cursor: &mut Cursor| match board.pull(cursor, 1_000) {
            Pulled::Deliveries { list, .. } => list.len(),
            Pulled::Missed => panic!("nothing is gone"),
        };
        assert_eq!((heard(&board, &mut dancer), heard(&board, &mut late), heard(&board, &mut dj)), (0, 0, 1));
        // A dancer's socket that turns out to be the DJ's, as every console's does, hears what was passed over.
        late = late.of_dj(true);
        assert_eq!((heard(&board, &mut late), heard(&board, &mut late)), (1, 0));
        board.clear(Slot::HiddenTally);
        assert_eq!(heard(&board, &mut board.here().of_dj(true)), 0);
    }
}
