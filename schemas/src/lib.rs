//! The words of the system: every message, fact, claim and record, with its limits.
//!
//! This room promises that bytes from outside become values that cannot be wrong in form ([`client`]), that the
//! state of a session is one pure function of its facts ([`view`]), and that everything that can be said is one row of
//! one table ([`rules`]). It does no I/O, reads no clock and knows neither the broker nor the store.

pub mod limits;
pub mod error;
pub mod ids;
pub mod time;
pub mod text;
pub mod track;
pub mod rules;
pub mod client;
pub mod server;
pub mod codec;
pub mod fact;
pub mod claim;
pub mod lobby;
pub mod state;
pub mod note;
pub mod view;
pub mod say;
pub mod secrets;
pub mod cookie;
pub mod caller;

pub use error::Code;
pub use ids::{Epoch, NodeId, OpKey, Partition, PersonId, PollId, Pos, Seq, SessionId};
pub use text::{DjName, Text};
pub use time::Millis;
pub use track::{Track, TrackKey};
