//! The answer to SUBSCRIBE, in the contract's order: the list, the count, the state, the acknowledgement.

use std::sync::Arc;
use std::time::Duration;

use nats::{Broker, BrokerError, Lobby, Session};
use schemas::client::Resume;
use schemas::limits::{LIST_BYTES, LIST_SESSIONS};
use schemas::note::AskMine;
use schemas::server::{ServerMessage, SessionEntry};
use schemas::state::{State, StateKind};
use schemas::view::{Run, View};
use schemas::{Epoch, Millis, PersonId, PollId, Seq, SessionId, say};

use crate::board::{Board, Cursor, Slot};

/// How long the answer waits for a person's own vote before it leaves the optional fields out.
const MINE: Duration = Duration::from_millis(250);

/// How long a place that this node has not seen is looked for before it counts as one in another log.
const AHEAD: Duration = Duration::from_millis(500);

/// The session asked for first, then the newest, cut to whole entries within the contract's bounds. The first is told as this node
/// follows it: the lobby may still show the track before.
pub fn sessions_list(lobby: &Lobby, first: Option<&Session>, now: Millis) -> ServerMessage {
    let own = first.and_then(|session| Some(session.view().live()?.lobby().entry(session.id(), now)));
    let others = lobby.on().into_iter().filter(|entry| Some(&entry.session) != first.map(Session::id));
    let others = others.map(|entry| entry.record.entry(&entry.session, now));
    let mut sessions: Vec<SessionEntry> = Vec::new();
    let mut bytes = 0;
    for entry in own.into_iter().chain(others).take(LIST_SESSIONS) {
        bytes += serde_json::to_string(&entry).map_or(0, |json| json.len() + 1);
        if bytes > LIST_BYTES {
            break;
        }
        sessions.push(entry);
    }
    ServerMessage::SessionsList { sessions }
}

/// This person's own vote in the open poll, where there is one and somebody can say.
pub async fn own_vote(broker: &Broker, session: &Session, person: PersonId) -> Option<(PollId, u32)> {
    let poll = session.view().live()?.poll.as_ref()?.opened.poll;
    let ask = AskMine { session: session.id().clone(), poll, person };
    let mine = broker.ask_mine(session.id().partition(), &ask, MINE).await?;
    mine.option.map(|option| (poll, option))
}

/// Who moves here may have heard more on the node before than this one has seen yet. That is no other log: the rest is on its
/// way, and where the feed lost it, it is read now. A place that the log has and this node cannot read is an error: whoever
/// asks is better off elsewhere or later than with an older state.
pub async fn wait_for_place(broker: &Broker, session: &Session, resume: Option<Resume>) -> Result<(), BrokerError> {
    let Some(Resume::At { epoch: theirs, seq }) = resume else { return Ok(()) };
    if theirs != session.epoch() || seq <= session.view().last || session.reflects(seq, AHEAD).await {
        return Ok(());
    }
    let (_, last) = broker.log_range(session.id().partition()).await?;
    if last < seq || theirs != session.epoch() || seq <= session.view().last {
        return Ok(());
    }
    Err(BrokerError::Unavailable("a place in the log cannot be read yet".to_owned()))
}

/// What a node knows of a session at one moment.
pub struct Seen<'a> {
    pub session: &'a SessionId,
    pub view: Arc<View>,
    /// The newest tally that was heard.
    pub tally: Option<State>,
}

impl<'a> Seen<'a> {
    pub fn of(session: &'a Session) -> Self {
        Seen { session: session.id(), view: session.view(), tally: session.state(StateKind::Tally) }
    }
}

/// Where a socket stands after SUBSCRIBE, and what it is told of the state at that moment.
pub struct Placed {
    pub cursor: Cursor,
    /// In front of everything else, for those who asked for positions.
    pub subscribed: Option<ServerMessage>,
    pub state: Vec<ServerMessage>,
}

/// Called under the board's lock.
pub fn place(board: &Board, seen: &Seen<'_>, resume: Option<Resume>, mine: Option<(PollId, u32)>, now: Millis) -> Placed {
    let (view, epoch) = (&seen.view, board.epoch());
    let subscribed = |at, recovered, reason: Option<&str>| ServerMessage::Subscribed {
        session_id: Some(seen.session.clone()),
        epoch,
        at,
        recovered,
        reason: reason.map(str::to_owned),
    };
    let fresh = |reason| {
        let state = match view.live() {
            Some(run) => state(seen, run, mine, now),
            None => vec![ServerMessage::SessionEnded { session_id: seen.session.clone() }],
        };
        let subscribed = resume.filter(|r| *r != Resume::Wanted(false)).map(|_| subscribed(view.last, false, reason));
        // The contract's state has no tempo: it follows the answer as the newest value that this socket has not heard.
        Placed { cursor: board.cursor(view.last).without(Slot::Tempo), subscribed, state }
    };
    match resume {
        None | Some(Resume::Wanted(_)) => fresh(None),
        Some(Resume::At { epoch: theirs, seq }) => match judge(board, view, theirs, seq) {
            Ok(()) => Placed { cursor: board.cursor_without_states(seq), subscribed: Some(subscribed(seq, true, None)), state: vec![] },
            Err(reason) => fresh(Some(reason)),
        },
    }
}

/// Whether exactly what came after `seq` can be given, or why not.
fn judge(board: &Board, view: &View, theirs: Epoch, seq: Seq) -> Result<(), &'static str> {
    if theirs != board.epoch() || seq > view.last {
        // A position that this log has not reached is a position in another log.
        return Err("unknown_epoch");
    }
    let begin = view.run.as_ref().map_or(0, |run| run.begin);
    if seq < begin {
        return Err("too_old");
    }
    if board.covers(seq) { Ok(()) } else { Err("too_far") }
}

fn state(seen: &Seen<'_>, run: &Run, mine: Option<(PollId, u32)>, now: Millis) -> Vec<ServerMessage> {
    let mut messages = Vec::new();
    if let Some(play) = run.current() {
        messages.push(say::now_playing(seen.session, run, &play.track));
    }
    if let Some(poll) = &run.poll {
        let tally = match &seen.tally {
            Some(State::Tally { poll: of, votes, .. }) if *of == poll.opened.poll => votes.clone(),
            Some(_) | None => vec![0; poll.opened.options.len()],
        };
        let mine = mine.filter(|(of, _)| *of == poll.opened.poll).map(|(_, option)| option);
        messages.push(say::poll_started(seen.session, poll, Some(&tally), mine));
    }
    if let Some(entry) = say::active(run, now) {
        messages.push(say::announcement(seen.session, run, entry));
    }
    messages
}
