//! What an owner knows of the record that the lobby holds of a session: only what it stored itself, and nothing from the moment
//! that another may have been stored. What is not known is stored once more, which costs one message.

use schemas::Seq;
use schemas::lobby::LobbyRecord;

#[derive(Default)]
pub struct Shown {
    record: Option<LobbyRecord>,
    /// The newest fact that brought a record along.
    overwritten: Seq,
}

impl Shown {
    pub fn is(&self, lobby: &LobbyRecord) -> bool {
        self.record.as_ref() == Some(lobby)
    }

    /// Another record came with the fact at `seq`.
    pub fn overwritten(&mut self, seq: Seq) {
        (self.record, self.overwritten) = (None, seq);
    }

    /// A record is on its way: until its fate is known the lobby may hold it or the one before.
    pub fn sent(&mut self) {
        self.record = None;
    }

    /// The record that was sent when the newest fact was at `last` is stored.
    pub fn stored(&mut self, record: LobbyRecord, last: Seq) {
        if last >= self.overwritten {
            self.record = Some(record);
        }
    }
}
