//! Rows to make promises about: plausible, and each with the values that its key and place give it, so that equal rows are
//! equal and others are not.

use schemas::client::Preference;
use schemas::fact::{EndReason, Owner};
use schemas::server::TempoCount;
use schemas::track::{Analysis, Track};
use schemas::{Millis, OpKey, PersonId, PollId, Pos, Seq, SessionId, Text};

use crate::Live;
use crate::rows::{Changes, LikeRow, PlayRow, PollRow, PollStatus, RunRow, RunState, VoteRow, WishRow};

/// A Saturday evening, 20:00 in UTC.
pub const EVENING: Millis = Millis(1_769_284_800_000);

pub fn session(name: &str) -> SessionId {
    SessionId::parse(name).expect("a session id of the contract's own")
}

/// The place `seq` in the first epoch.
pub fn pos(seq: Seq) -> Pos {
    Pos::new(1, seq)
}

pub fn person(number: u8) -> PersonId {
    PersonId([number; 16])
}

pub fn poll_id(number: u64) -> PollId {
    PollId::new(number).expect("a small number is a poll id")
}

pub fn track(artist: &str, title: &str) -> Track {
    let text = |words| Text::parse(words).expect("an artist or title of the contract's own");
    Track { artist: text(artist), title: text(title), analysis: Analysis::default() }
}

/// A flush of nothing but a position.
pub fn flush(session: &SessionId, upto: Pos) -> Changes {
    Changes {
        partition: session.partition(),
        upto,
        runs: vec![],
        plays: vec![],
        likes: vec![],
        wishes: vec![],
        polls: vec![],
        votes: vec![],
    }
}

pub fn run(session: &SessionId, begin: Seq, pos: Pos) -> RunRow {
    RunRow {
        session: session.clone(),
        begin,
        pos,
        dj_name: "DJ Żółć".to_owned(),
        slug: "dj-zolc".to_owned(),
        owner: Owner::Person { person: person(200), address: Some(OpKey::of("address")) },
        join_code: "WALTZ".to_owned(),
        began_at: EVENING.plus(begin as i64),
        ended: None,
        tracks: pos.seq() % 50,
        likes: pos.seq() % 1000,
        peak_listeners: pos.seq() % 300,
    }
}

/// The same run once it ended.
pub fn ended(run: RunRow, at: Millis) -> RunRow {
    RunRow { ended: Some((at, EndReason::Grace)), ..run }
}

pub fn play(session: &SessionId, begin: Seq, play: Seq, pos: Pos) -> PlayRow {
    let mut track = track(&format!("Artist {play}"), &format!("Title {play} of {session}"));
    track.analysis = Analysis { bpm: Some(98.5), key: Some("Am".to_owned()), energy: None, groove: Some(12.25), ..Analysis::default() };
    PlayRow {
        session: session.clone(),
        begin,
        play,
        pos,
        key: track.key(),
        track,
        played_at: EVENING.plus(play as i64 * 1000),
        likes: pos.seq() % 100,
        tempo: TempoCount { faster: pos.seq() % 7, slower: pos.seq() % 5, perfect: pos.seq() % 3 },
    }
}

/// The play with another track.
pub fn of_track(play: PlayRow, artist: &str, title: &str) -> PlayRow {
    let track = track(artist, title);
    PlayRow { key: track.key(), track, ..play }
}

/// A person's like of what was played then.
pub fn like(play: &PlayRow, person: PersonId, pos: Pos) -> LikeRow {
    LikeRow {
        session: play.session.clone(),
        begin: play.begin,
        person,
        key: play.key,
        pos,
        on: true,
        play: play.play,
        liked_at: EVENING.plus(pos.seq() as i64),
        ops: vec![OpKey::of("first"), OpKey::of(&pos.seq().to_string())],
    }
}

pub fn wish(play: &PlayRow, person: PersonId, pos: Pos) -> WishRow {
    let preference = match pos.seq() % 4 {
        0 => Preference::Faster,
        1 => Preference::Slower,
        2 => Preference::Perfect,
        3.. => Preference::Clear,
    };
    WishRow {
        session: play.session.clone(),
        begin: play.begin,
        play: play.play,
        person,
        pos,
        preference,
        ops: vec![OpKey::of(&pos.seq().to_string())],
    }
}

/// A poll that goes through all its states as its place moves on.
pub fn poll(session: &SessionId, begin: Seq, number: u64, pos: Pos) -> PollRow {
    let (close, at) = (pos.seq(), EVENING.plus(pos.seq() as i64));
    PollRow {
        session: session.clone(),
        begin,
        poll: poll_id(number),
        pos,
        question: "Which one next? “Żółć” or 'quotes'".to_owned(),
        options: vec!["Blues".to_owned(), "Zouk, \"slow\"".to_owned(), String::new()],
        allow_change: number.is_multiple_of(2),
        opened: begin + number,
        opened_at: EVENING,
        ends_at: (!number.is_multiple_of(2)).then_some(EVENING.plus_seconds(60)),
        play: (number % 3 == 1).then_some(begin + 1),
        status: match pos.seq() % 5 {
            0 => PollStatus::Open,
            1 => PollStatus::Closing { close, at, void: false },
            2 => PollStatus::Closing { close, at, void: true },
            3 => PollStatus::Closed { close, at },
            4.. => PollStatus::Cancelled { close, at },
        },
        votes: vec![pos.seq() % 11, 0, 3],
    }
}

pub fn vote(poll: &PollRow, person: PersonId, pos: Pos) -> VoteRow {
    VoteRow {
        session: poll.session.clone(),
        begin: poll.begin,
        poll: poll.poll,
        person,
        pos,
        option: (pos.seq() % 3) as u32,
        known: pos.seq().is_multiple_of(2),
        ops: vec![],
    }
}

/// A run with a few rows in each table, all of them at `pos`.
pub fn evening(session: &SessionId, begin: Seq, pos: Pos) -> Changes {
    let plays: Vec<_> = (1..=3).map(|n| play(session, begin, begin + n, pos)).collect();
    let polls: Vec<_> = (1..=5).map(|n| poll(session, begin, n, Pos(pos.0 + n))).collect();
    Changes {
        runs: vec![run(session, begin, pos)],
        likes: plays.iter().flat_map(|play| [like(play, person(1), pos), like(play, person(2), pos)]).collect(),
        wishes: plays.iter().map(|play| wish(play, person(1), Pos(pos.0 + play.play))).collect(),
        votes: polls.iter().map(|poll| vote(poll, person(2), Pos(pos.0 + poll.poll.get()))).collect(),
        plays,
        polls,
        ..flush(session, Pos(pos.0 + 10))
    }
}

/// Rows in the order of their keys, since a backend may load likes, wishes, polls and votes in any.
pub fn sorted(mut state: RunState) -> RunState {
    state.plays.sort_by_key(|row| row.play);
    state.likes.sort_by_key(|row| (row.person, row.key));
    state.wishes.sort_by_key(|row| (row.play, row.person));
    state.polls.sort_by_key(|row| row.poll.get());
    state.votes.sort_by_key(|row| (row.poll.get(), row.person));
    state
}

/// What a flush that holds all of one run should load as.
pub fn loaded(changes: &Changes) -> RunState {
    let Changes { partition: _, upto: _, runs, plays, likes, wishes, polls, votes } = changes.clone();
    let run = runs.into_iter().next().expect("a flush with a run");
    sorted(RunState { run, plays, likes, wishes, polls, votes })
}

pub async fn save(store: &dyn Live, changes: &Changes) {
    store.save(changes).await.expect("a flush is saved");
}

pub async fn load(store: &dyn Live, session: &SessionId) -> RunState {
    sorted(store.load(session).await.expect("a session is loaded").expect("the session has a run"))
}
