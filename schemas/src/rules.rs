//! The table of kinds: one row for each thing a client may say. A kind without a row does not compile.
//! ingest and fanout read their behaviour from here; they hold no code per feature beyond making the fact or claim.

use crate::limits::{BULK_FRAME_BYTES, FRAME_BYTES};
use crate::roles::Permission;

macro_rules! kinds {
    ($($name:ident = $wire:literal),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($name),+ }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$name),+];

            /// The `type` on the wire.
            pub const fn wire(self) -> &'static str {
                match self { $(Kind::$name => $wire),+ }
            }

            pub fn parse(wire: &str) -> Option<Kind> {
                match wire { $($wire => Some(Kind::$name),)+ _ => None }
            }
        }
    };
}

kinds! {
    RegisterSession = "REGISTER_SESSION",
    BroadcastTrack = "BROADCAST_TRACK",
    MetadataUpdated = "METADATA_UPDATED",
    TrackStopped = "TRACK_STOPPED",
    EndSession = "END_SESSION",
    Subscribe = "SUBSCRIBE",
    SendLike = "SEND_LIKE",
    RemoveLike = "REMOVE_LIKE",
    SendBulkLike = "SEND_BULK_LIKE",
    SendTempoRequest = "SEND_TEMPO_REQUEST",
    StartPoll = "START_POLL",
    EndPoll = "END_POLL",
    CancelPoll = "CANCEL_POLL",
    VoteOnPoll = "VOTE_ON_POLL",
    SendReaction = "SEND_REACTION",
    SendAnnouncement = "SEND_ANNOUNCEMENT",
    CancelAnnouncement = "CANCEL_ANNOUNCEMENT",
    GetSessions = "GET_SESSIONS",
    ValidateSession = "VALIDATE_SESSION",
    Ping = "PING",
}

/// Who may say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    /// Anyone who is in the session: it must exist and, where no id is given, be the one that this socket subscribed to.
    Dancer,
    Owner,
}

/// Where an admitted one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// A fact on `out`: everyone of the session gets it, in order, and lag is refilled from the log.
    Out,
    /// A claim on `in`: stored, then folded; what comes of it is heard as latest-wins state or as a verdict.
    In,
    /// Answered by the node that holds the socket; nothing is stored.
    Answer,
}

/// Whose bucket a message draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    Person,
    Session,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub messages: u32,
    pub seconds: u32,
    pub per: Per,
    /// What a message beyond the budget is answered with.
    pub code: crate::error::Code,
}

#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub who: Who,
    pub goes: Goes,
    /// The largest message of this kind, in bytes.
    pub bytes: usize,
    pub budget: Budget,
}

const fn budget(messages: u32, seconds: u32, per: Per) -> Budget {
    Budget { messages, seconds, per, code: crate::error::Code::Rate }
}

impl Kind {
    /// The row. Budgets here are the contract's and the defaults of the settings.
    pub const fn rule(self) -> Rule {
        use crate::error::Code;
        use Goes::{Answer, In, Out};
        use Who::{Anyone, Dancer, Owner};
        const LIKES: Budget = Budget { messages: 10, seconds: 60, per: Per::Person, code: Code::LikeRate };
        const TRACKS: Budget = Budget { messages: 10, seconds: 10, per: Per::Session, code: Code::TrackRate };
        const DJ: Budget = budget(60, 60, Per::Session);
        const TAPS: Budget = budget(60, 60, Per::Person);
        let (who, goes, bytes, budget) = match self {
            Kind::RegisterSession => (Anyone, Out, FRAME_BYTES, budget(30, 60, Per::Person)),
            Kind::BroadcastTrack => (Owner, Out, FRAME_BYTES, TRACKS),
            // No rate in the contract; this bound only keeps a runaway program from filling the log.
            Kind::MetadataUpdated => (Owner, Out, FRAME_BYTES, budget(600, 60, Per::Session)),
            Kind::TrackStopped => (Owner, Out, FRAME_BYTES, DJ),
            Kind::EndSession => (Owner, Out, FRAME_BYTES, DJ),
            Kind::Subscribe => (Anyone, Answer, FRAME_BYTES, TAPS),
            Kind::SendLike => (Dancer, In, FRAME_BYTES, LIKES),
            Kind::RemoveLike => (Dancer, In, FRAME_BYTES, TAPS),
            Kind::SendBulkLike => (Dancer, In, BULK_FRAME_BYTES, budget(6, 60, Per::Person)),
            Kind::SendTempoRequest => (Dancer, In, FRAME_BYTES, TAPS),
            Kind::StartPoll => (Owner, Out, FRAME_BYTES, DJ),
            Kind::EndPoll => (Owner, In, FRAME_BYTES, DJ),
            Kind::CancelPoll => (Owner, In, FRAME_BYTES, DJ),
            Kind::VoteOnPoll => (Dancer, In, FRAME_BYTES, TAPS),
            Kind::SendReaction => (Dancer, In, FRAME_BYTES, TAPS),
            Kind::SendAnnouncement => (Owner, Out, FRAME_BYTES, DJ),
            Kind::CancelAnnouncement => (Owner, Out, FRAME_BYTES, DJ),
            Kind::GetSessions => (Anyone, Answer, FRAME_BYTES, TAPS),
            Kind::ValidateSession => (Anyone, Answer, FRAME_BYTES, TAPS),
            Kind::Ping => (Anyone, Answer, FRAME_BYTES, budget(600, 60, Per::Person)),
        };
        Rule { who, goes, bytes, budget }
    }

    /// What a dancer must be allowed to say it. None: whoever is let in may, or it is the owner's.
    pub const fn needs(self) -> Option<Permission> {
        match self {
            Kind::SendLike | Kind::RemoveLike | Kind::SendBulkLike | Kind::SendReaction => Some(Permission::LikeTracks),
            Kind::SendTempoRequest => Some(Permission::WishTempo),
            Kind::VoteOnPoll => Some(Permission::Vote),
            Kind::RegisterSession
            | Kind::BroadcastTrack
            | Kind::MetadataUpdated
            | Kind::TrackStopped
            | Kind::EndSession
            | Kind::Subscribe
            | Kind::StartPoll
            | Kind::EndPoll
            | Kind::CancelPoll
            | Kind::SendAnnouncement
            | Kind::CancelAnnouncement
            | Kind::GetSessions
            | Kind::ValidateSession
            | Kind::Ping => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_name_names_one_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.wire()), Some(*kind));
        }
        assert_eq!(Kind::parse("register_session"), None);
    }
}
