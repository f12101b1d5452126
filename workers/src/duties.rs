//! What an owner owes a session right now, derived from its state and from nothing else. Whatever went wrong before, the next look
//! gives the same answer until the log says that it is done. Pure: time is a parameter.

use schemas::fact::{EndReason, Fact};
use schemas::lobby::LobbyRecord;
use schemas::view::{Run, Status};
use schemas::{Millis, PollId};

use crate::config::Config;
use crate::fold::Fold;
use crate::presence::Dj;
use crate::shown::Shown;

#[derive(Clone, Debug, PartialEq)]
pub enum Duty {
    /// Say this fact, unless another one comes first.
    Say(Fact),
    /// Show in the lobby what the facts say, unless another one comes first.
    Show(Box<LobbyRecord>),
    /// Ask for a poll's close, as its timer should have done.
    AskClose(PollId),
}

/// What the owner knows beside the log.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    pub now: Millis,
    pub dj: Dj,
    /// We have listened to the nodes long enough to believe that a socket nobody reported is nowhere.
    pub trusted: bool,
    /// When this owner took the session up. What was said before and left no fact is not known, so idleness counts from here.
    pub since: Millis,
}

pub fn duty(fold: &Fold, shown: &Shown, sight: Sight, config: &Config) -> Option<Duty> {
    let run = fold.view.live()?;
    if let Some(unsaid) = fold.unsaid() {
        let (poll, close) = (unsaid.poll, unsaid.close);
        return Some(Duty::Say(match unsaid.votes {
            Some(votes) => Fact::PollClosed { poll, close, votes },
            None => Fact::PollCancelled { poll, close },
        }));
    }
    if let Some(reason) = over(fold, run, sight, config) {
        return Some(Duty::Say(Fact::Ended { reason, begin: run.begin, owner: run.owner.clone(), dj_name: run.dj_name.clone() }));
    }
    if let Some(fact) = follow_dj(fold, run, sight, config) {
        return Some(Duty::Say(fact));
    }
    let lobby = run.lobby();
    if !shown.is(&lobby) {
        return Some(Duty::Show(Box::new(lobby)));
    }
    let poll = fold.unasked()?;
    let due = poll.opened.ends_at?.plus(config.sweep_delay.as_millis() as i64);
    (sight.now >= due).then_some(Duty::AskClose(poll.opened.poll))
}

fn over(fold: &Fold, run: &Run, sight: Sight, config: &Config) -> Option<EndReason> {
    if fold.is_orphaned() {
        return Some(EndReason::Lost);
    }
    if let Some(reason) = fold.unsaid_end() {
        return Some(reason);
    }
    let longer = |since: Millis, limit: std::time::Duration| sight.now.since(since) > limit.as_millis() as i64;
    if let Status::Away { since } = run.status
        && sight.dj != Dj::Here
        && longer(since, config.grace)
    {
        return Some(EndReason::Grace);
    }
    if longer(run.began_at, config.age) {
        return Some(EndReason::Age);
    }
    longer(fold.heard.max(sight.since), config.idle).then_some(EndReason::Idle)
}

fn follow_dj(fold: &Fold, run: &Run, sight: Sight, config: &Config) -> Option<Fact> {
    match (run.status, sight.dj) {
        (Status::Away { .. }, Dj::Here) => Some(Fact::Back { owner: None }),
        (Status::Live, Dj::Left { .. } | Dj::Unseen) if run.by_socket => {
            // The fact that brought the DJ may run ahead of the report of the socket.
            let settled = sight.now.since(fold.came) > config.settle.as_millis() as i64;
            match sight.dj {
                Dj::Left { since } if settled => Some(Fact::Away { since: since.max(fold.came) }),
                Dj::Unseen if settled && sight.trusted => Some(Fact::Away { since: sight.now }),
                Dj::Left { .. } | Dj::Unseen | Dj::Here => None,
            }
        }
        (Status::Live | Status::Away { .. } | Status::Ended { .. }, Dj::Here | Dj::Left { .. } | Dj::Unseen) => None,
    }
}
