//! Row by row: what the log says against what somebody else has of it, the store or the fold. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemas::fact::EndReason;
use schemas::text::clean;
use schemas::track::Track;
use schemas::{Millis, OpKey, PersonId, PollId, Seq, TrackKey};
use serde::Serialize;
use store::{LikeRow, PlayRow, PollRow, PollStatus, RunRow, RunState, VoteRow, WishRow};

use super::lost::{Excuses, Losses};
use super::recount::{Just, Recount};

/// One value that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub table: &'static str,
    pub row: String,
    pub field: &'static str,
    /// What must stand; nothing where no such row must.
    pub log: Option<String>,
    /// What stands; nothing where there is no such row.
    pub found: Option<String>,
    /// The place in the log that justifies what should stand; none for a row that nothing justifies.
    pub sequence: Option<Seq>,
    /// What justified the row is in a stretch that the log lost: it is told, and is nobody's mistake.
    pub lost: bool,
}

/// The field of a difference that concerns a whole row.
pub const ROW: &str = "row";

/// Every difference between the log and these rows, table by table, in the order of their keys.
pub fn compare(log: &Recount, found: Option<&RunState>, losses: &Losses) -> Vec<Difference> {
    let names = Names::of(log, found);
    let excuses = Excuses::new(losses, log, found);
    let mut all = Vec::new();
    let runs = log.run.iter().map(|run| (run.row.begin, run)).collect();
    let run = found.map(|state| (state.run.begin, &state.run)).into_iter().collect();
    let excused = |field: &str, log: Option<&Just<RunRow>>, found: Option<&RunRow>| excuses.run(field, log.map(|log| &log.row), found);
    table("runs", &runs, run, |begin| format!("run {begin}"), run_fields, excused, &mut all);
    let plays = rows(found, |state| &state.plays, |row: &PlayRow| row.play);
    let excused = |field: &str, _: Option<&Just<PlayRow>>, found: Option<&PlayRow>| excuses.play(field, found);
    table("plays", &justified(&log.plays), plays, |play| names.play(*play), play_fields, excused, &mut all);
    let likes = rows(found, |state| &state.likes, |row: &LikeRow| (row.person, row.key));
    let named = |(person, key): &(PersonId, TrackKey)| format!("{}, person {person}", names.track(*key));
    let excused = |_: &str, log: Option<&Just<LikeRow>>, found: Option<&LikeRow>| excuses.like(log.map(|log| &log.row), found);
    table("likes", &justified(&log.likes), likes, named, like_fields, excused, &mut all);
    let wishes = rows(found, |state| &state.wishes, |row: &WishRow| (row.play, row.person));
    let named = |(play, person): &(Seq, PersonId)| format!("{}, person {person}", names.play(*play));
    let excused = |_: &str, log: Option<&Just<WishRow>>, found: Option<&WishRow>| excuses.wish(log.map(|log| &log.row), found);
    table("wishes", &justified(&log.wishes), wishes, named, wish_fields, excused, &mut all);
    let polls = rows(found, |state| &state.polls, |row: &PollRow| row.poll);
    let excused = |field: &str, _: Option<&Just<PollRow>>, found: Option<&PollRow>| excuses.poll(field, found);
    table("polls", &justified(&log.polls), polls, |poll| format!("poll {poll}"), poll_fields, excused, &mut all);
    let votes = rows(found, |state| &state.votes, |row: &VoteRow| (row.poll, row.person));
    let named = |(poll, person): &(PollId, PersonId)| format!("poll {poll}, person {person}");
    let excused = |_: &str, log: Option<&Just<VoteRow>>, found: Option<&VoteRow>| excuses.vote(log, found);
    table("votes", &justified(&log.votes), votes, named, vote_fields, excused, &mut all);
    all
}

/// Named values of a row as people read them.
type Fields = Vec<(&'static str, String)>;

fn table<K: Ord, R>(
    table: &'static str,
    log: &BTreeMap<K, &Just<R>>,
    found: BTreeMap<K, &R>,
    name: impl Fn(&K) -> String,
    fields: impl Fn(&R) -> Fields,
    excused: impl Fn(&str, Option<&Just<R>>, Option<&R>) -> bool,
    all: &mut Vec<Difference>,
) {
    let whole = |row: &R| fields(row).into_iter().map(|(field, value)| format!("{field} {value}")).collect::<Vec<_>>().join(", ");
    for key in log.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        let (log, found) = (log.get(key).copied(), found.get(key).copied());
        let differ = |field, said, stands, sequence| {
            let lost = excused(field, log, found);
            Difference { table, row: name(key), field, log: said, found: stands, sequence, lost }
        };
        match (log, found) {
            (Some(just), Some(found)) => {
                let pairs = fields(&just.row).into_iter().zip(fields(found)).filter(|(log, found)| log.1 != found.1);
                all.extend(pairs.map(|((field, log), (_, found))| differ(field, Some(log), Some(found), Some(just.because))));
            }
            (Some(just), None) => all.push(differ(ROW, Some(whole(&just.row)), None, Some(just.because))),
            (None, Some(found)) => all.push(differ(ROW, None, Some(whole(found)), None)),
            (None, None) => {}
        }
    }
}

fn justified<K: Ord + Copy, R>(rows: &BTreeMap<K, Just<R>>) -> BTreeMap<K, &Just<R>> {
    rows.iter().map(|(key, just)| (*key, just)).collect()
}

fn rows<'a, K: Ord, R>(
    found: Option<&'a RunState>,
    rows: impl Fn(&'a RunState) -> &'a Vec<R>,
    key: impl Fn(&R) -> K,
) -> BTreeMap<K, &'a R> {
    found.into_iter().flat_map(rows).map(|row| (key(row), row)).collect()
}

// The fields below name every column that a rule decides. `pos` is not among them: it tells how far a row was brought, not what it
// says, and a row that is saved again after a crash may carry a later one.

fn run_fields(row: &RunRow) -> Fields {
    let RunRow { session: _, begin: _, pos: _, dj_name, slug, owner, join_code, began_at, ended, tracks, likes, peak_listeners } = row;
    vec![
        ("dj_name", clean(dj_name)),
        ("slug", clean(slug)),
        ("owner", owner.label()),
        ("join_code", clean(join_code)),
        ("began_at", began_at.to_string()),
        ("ended", ended.map_or("no".to_owned(), |(at, reason)| format!("{at} ({})", end_word(reason)))),
        ("tracks", tracks.to_string()),
        ("likes", likes.to_string()),
        ("peak_listeners", peak_listeners.to_string()),
    ]
}

fn play_fields(row: &PlayRow) -> Fields {
    let PlayRow { session: _, begin: _, play: _, pos: _, key, track, played_at, likes, tempo } = row;
    vec![
        ("track", shown(track)),
        ("track_key", key.to_string()),
        ("analysis", serde_json::to_string(&track.analysis).unwrap_or_default()),
        ("played_at", played_at.to_string()),
        ("likes", likes.to_string()),
        ("slower", tempo.slower.to_string()),
        ("perfect", tempo.perfect.to_string()),
        ("faster", tempo.faster.to_string()),
    ]
}

fn like_fields(row: &LikeRow) -> Fields {
    let LikeRow { session: _, begin: _, person: _, key: _, pos: _, on, play, liked_at, ops } = row;
    vec![
        ("standing", if *on { "yes" } else { "taken back" }.to_owned()),
        ("play", play.to_string()),
        ("liked_at", liked_at.to_string()),
        ("ops", message_ids(ops)),
    ]
}

fn wish_fields(row: &WishRow) -> Fields {
    let WishRow { session: _, begin: _, play: _, person: _, pos: _, preference, ops } = row;
    vec![("preference", word(preference)), ("ops", message_ids(ops))]
}

fn poll_fields(row: &PollRow) -> Fields {
    let PollRow { session: _, begin: _, poll: _, pos: _, question, options, allow_change, opened, opened_at, ends_at, play, status, votes } =
        row;
    vec![
        ("question", clean(question)),
        ("options", options.iter().map(|option| clean(option)).collect::<Vec<_>>().join(" / ")),
        ("allow_change", allow_change.to_string()),
        ("opened", opened.to_string()),
        ("opened_at", opened_at.to_string()),
        ("ends_at", ends_at.map_or("never".to_owned(), |at| at.to_string())),
        ("play", play.map_or("none".to_owned(), |play| play.to_string())),
        ("status", status_words(*status)),
        ("votes", format!("{votes:?}")),
    ]
}

fn vote_fields(row: &VoteRow) -> Fields {
    let VoteRow { session: _, begin: _, poll: _, person: _, pos: _, option, known, ops } = row;
    vec![("option", option.to_string()), ("known", known.to_string()), ("ops", message_ids(ops))]
}

pub fn status_words(status: PollStatus) -> String {
    let at = |words: &str, close: Seq, at: Millis| format!("{words} at {close}, {at}");
    match status {
        PollStatus::Open => "open".to_owned(),
        PollStatus::Closing { close, at: when, void: false } => at("closing", close, when),
        PollStatus::Closing { close, at: when, void: true } => at("being cancelled", close, when),
        PollStatus::Closed { close, at: when } => at("closed", close, when),
        PollStatus::Cancelled { close, at: when } => at("cancelled", close, when),
    }
}

/// The name of a value that serde writes as one word.
pub fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn end_word(reason: EndReason) -> String {
    word(&reason)
}

fn message_ids(ops: &[OpKey]) -> String {
    if ops.is_empty() { "none".to_owned() } else { ops.iter().map(OpKey::to_string).collect::<Vec<_>>().join(" ") }
}

pub fn shown(track: &Track) -> String {
    clean(&format!("{} – {}", track.artist, track.title))
}

/// How rows are called for people.
struct Names {
    plays: HashMap<Seq, String>,
    tracks: HashMap<TrackKey, String>,
}

impl Names {
    fn of(log: &Recount, found: Option<&RunState>) -> Names {
        let stored = found.into_iter().flat_map(|state| &state.plays);
        let all = || stored.clone().chain(log.plays.values().map(|play| &play.row));
        Names {
            plays: all().map(|row| (row.play, shown(&row.track))).collect(),
            tracks: all().map(|row| (row.key, shown(&row.track))).collect(),
        }
    }

    fn play(&self, play: Seq) -> String {
        format!("play {play} ({})", self.plays.get(&play).map_or("never played", String::as_str))
    }

    fn track(&self, key: TrackKey) -> String {
        self.tracks.get(&key).cloned().unwrap_or_else(|| format!("track {key}"))
    }
}
