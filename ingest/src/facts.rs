//! What the DJ says that everyone must get: one fact each, decided on the view and appended in the log's order.

use nats::{Decision, Session, Timer};
use schemas::client::ClientMessage;
use schemas::error::Refusal;
use schemas::fact::{Fact, FactRecord, PollOpened};
use schemas::limits::PLAYED_AT_BACK_MS;
use schemas::view::{Run, View};
use schemas::{Code, Millis, OpKey, PollId, Seq, Text};

use crate::Ingest;

/// A DJ's message that was let in.
pub(crate) struct Word<'a> {
    pub message: &'a ClientMessage,
    pub op: Option<OpKey>,
}

impl Ingest {
    /// Stores together what the messages append, each decided after those before it. Gives each one's place, or none where the view
    /// makes it void (a correction of a track that no longer plays).
    pub(crate) async fn append(
        &self,
        session: &Session,
        words: &[Word<'_>],
        now: Millis,
    ) -> Result<Vec<Result<Option<Seq>, Refusal>>, Refusal> {
        let decide = |view: &View, n: usize| decide(view, words[n].message, words[n].op, now);
        let stored = session.append_each(words.len(), decide).await.map_err(nats::Failed::refusal)?;
        Ok(stored.into_iter().map(|stored| stored.map(|seqs| seqs.last().copied())).collect())
    }
}

/// What a DJ's message appends to a session that looks like this. Pure: whoever appends decides again when the view was not the newest.
pub fn decide(view: &View, message: &ClientMessage, op: Option<OpKey>, now: Millis) -> Result<Decision, Refusal> {
    let run = view.run.as_ref().ok_or(Refusal::from(Code::SessionNotFound))?;
    if let Some(seq) = run.applied(op) {
        return Ok(Decision::Already(seq));
    }
    if run.ended() {
        return Err(Code::SessionOver.into());
    }
    let Some(fact) = fact_of(view, run, message, op, now)? else {
        return Ok(Decision::Append { facts: vec![], timers: vec![] });
    };
    let timers = match &fact {
        Fact::PollOpened(PollOpened { poll, ends_at: Some(at), .. }) => vec![Timer { poll: *poll, at: *at }],
        _ => vec![],
    };
    Ok(Decision::Append { facts: vec![FactRecord { at: now, op, fact }], timers })
}

fn fact_of(view: &View, run: &Run, message: &ClientMessage, op: Option<OpKey>, now: Millis) -> Result<Option<Fact>, Refusal> {
    use ClientMessage as M;
    let fact = match message {
        M::BroadcastTrack(m) => Fact::Track { track: m.track.clone(), played_at: played_at(m.played_at, now)? },
        M::MetadataUpdated(m) if run.current().is_none_or(|play| play.key != m.track.key()) => return Ok(None),
        M::MetadataUpdated(m) => Fact::Metadata { track: m.track.clone() },
        M::TrackStopped(_) if !run.playing => return Ok(None),
        M::TrackStopped(_) => Fact::Stopped,
        M::EndSession(_) => Fact::Ended {
            reason: schemas::fact::EndReason::Ended,
            begin: run.begin,
            owner: run.owner.clone(),
            dj_name: run.dj_name.clone(),
        },
        M::StartPoll(_) if run.poll.is_some() => return Err(Code::PollActive.into()),
        M::StartPoll(m) => Fact::PollOpened(PollOpened {
            poll: PollId::of(&view.session, &run.owner.label(), op),
            question: m.question.as_str().to_owned(),
            options: m.options.iter().cloned().map(Text::into_string).collect(),
            ends_at: m.duration_seconds.map(|s| now.plus_seconds(s)),
            allow_change: m.allow_change,
            hide_results: m.hide_results,
        }),
        M::SendAnnouncement(m) => Fact::Announced {
            message: m.message.as_str().to_owned(),
            ends_at: m.duration_seconds.map(|s| now.plus_seconds(s)),
            push: m.push,
        },
        M::CancelAnnouncement(_) if run.announcement.is_none() => return Ok(None),
        M::CancelAnnouncement(_) => Fact::AnnouncementEnded,
        M::RegisterSession(_)
        | M::Subscribe(_)
        | M::SendLike(_)
        | M::RemoveLike(_)
        | M::SendBulkLike(_)
        | M::SendTempoRequest(_)
        | M::EndPoll(_)
        | M::CancelPoll(_)
        | M::VoteOnPoll(_)
        | M::SendReaction(_)
        | M::GetSessions
        | M::ValidateSession(_)
        | M::Ping => return Ok(None),
    };
    Ok(Some(fact))
}

/// A queued track says when it was played: at most a day back, and never later than now.
fn played_at(said: Option<Millis>, now: Millis) -> Result<Millis, Refusal> {
    match said {
        None => Ok(now),
        Some(at) if now.since(at) > PLAYED_AT_BACK_MS => {
            Err(Refusal::with(Code::InvalidMessage, "Invalid message: playedAt is more than 24 hours ago"))
        }
        Some(at) => Ok(at.min(now)),
    }
}
