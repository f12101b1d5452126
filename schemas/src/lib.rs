//! The words of the system: every message, fact, claim and record, with its limits.
//!
//! This room promises that bytes from outside become values that cannot be wrong in form ([`client`]), that the
//! state of a session is one pure function of its facts ([`view`]), and that everything that can be said is one row of
//! one table ([`rules`]). It does no I/O and knows neither the broker nor the store.

pub mod account;
pub mod caller;
pub mod claim;
pub mod client;
pub mod codec;
pub mod cookie;
pub mod distinct;
pub mod error;
pub mod fact;
pub mod ids;
pub mod limits;
pub mod lobby;
pub mod note;
pub mod roles;
pub mod rules;
pub mod say;
pub mod secrets;
pub mod server;
pub mod shown;
pub mod state;
pub mod text;
pub mod time;
pub mod track;
pub mod view;
pub mod wire;

pub use account::Email;
pub use error::Code;
pub use ids::{AccountId, Epoch, NodeId, OpKey, Partition, PersonId, PollId, Pos, Seq, SessionId};
pub use roles::{Guests, Permission, Role};
pub use text::{DjName, Text};
pub use time::Millis;
pub use track::{Track, TrackKey};
