//! Bugs that are planted to see whether they are found. Each bends what is handed from one real step to the next; nothing of this
//! exists in the product.

/// Which step is bent. [`Plant::ALL`] lists all that break a promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Plant {
    #[default]
    Nothing,
    /// The fold forgets its sequence check: votes behind a close are given to it with a place before the close.
    LateVotes,
    /// Claims lose their messageId before the fold sees them, so that a late copy undoes what came after it.
    NoMessageIds,
    /// The position is saved before the rows that it covers.
    PositionFirst,
    /// Rows go back to older places.
    RowsGoBack,
    /// A claim is acknowledged when it is sent, not when it is stored.
    AckBeforeStored,
    /// A fact whose predecessor was not heard is taken for the next.
    DeafToGaps,
    /// Whoever comes back is told that nothing was missed, and hears what comes next.
    BlindResume,
    /// The owner never asks for a close that the timer forgot.
    NoSweep,
    /// The owner never shows in the lobby what has changed.
    StaleLobby,
}

impl Plant {
    pub const ALL: [Plant; 9] = [
        Plant::LateVotes,
        Plant::NoMessageIds,
        Plant::PositionFirst,
        Plant::RowsGoBack,
        Plant::AckBeforeStored,
        Plant::DeafToGaps,
        Plant::BlindResume,
        Plant::NoSweep,
        Plant::StaleLobby,
    ];
}
