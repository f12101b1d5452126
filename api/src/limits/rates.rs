//! What is limited, and how often each may be tried: a line of [`limits`] for each.

use std::time::Duration;

use ipnet::IpNet;

impl Limit {
    /// Whether what is left of it is something to tell whoever asks. What all of them share is not.
    pub fn is_of_one_caller(self) -> bool {
        self != Limit::ClientErrorLines
    }
}

/// So many, in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub times: u32,
    pub within: Duration,
}

impl Rate {
    pub const fn per_minutes(times: u32, minutes: u64) -> Self {
        Rate { times, within: Duration::from_secs(minutes * 60) }
    }
}

macro_rules! limits {
    ($($(#[$what:meta])* $limit:ident $rate:ident = $times:literal in $minutes:literal min;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Limit {
            $($(#[$what])* $limit,)+
        }

        impl Limit {
            pub const ALL: &[Limit] = &[$(Limit::$limit),+];

            /// What processes call it among themselves.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Limit::$limit => stringify!($rate),)+
                }
            }
        }

        /// What an operator may set of it.
        #[derive(Clone, Debug)]
        pub struct Rates {
            $($(#[$what])* pub $rate: Rate,)+
            /// Networks whose address stands for a whole floor.
            pub venues: Vec<IpNet>,
            /// Multiplies all of them; 0 lifts them.
            pub factor: f64,
        }

        impl Rates {
            pub(super) fn of(&self, limit: Limit) -> Rate {
                match limit {
                    $(Limit::$limit => self.$rate,)+
                }
            }
        }

        impl Default for Rates {
            fn default() -> Self {
                Rates { $($rate: Rate::per_minutes($times, $minutes),)+ venues: Vec::new(), factor: 1.0 }
            }
        }
    };
}

limits! {
    /// Making accounts.
    Register register = 5 in 15 min;
    /// Tries to sign in.
    SignIn sign_in = 5 in 15 min;
    /// Making DJ's tokens anew.
    Regenerate regenerate = 3 in 60 min;
    /// Asking for letters.
    Letters letters = 5 in 60 min;
    /// Codes that somebody types: from letters, from devices.
    Codes codes = 10 in 15 min;
    /// Devices that want to be let in, and how often they ask.
    Devices devices = 10 in 15 min;
    /// Polls that are opened.
    Polls polls = 20 in 1 min;
    /// Browsers that subscribe to Web Push and leave it.
    Push push = 20 in 1 min;
    /// The same of all from one address who have no account.
    PushAddress push_address = 300 in 1 min;
    /// Ways to a provider.
    Logins logins = 20 in 15 min;
    /// Everything else that a signed-in person changes.
    Changes changes = 60 in 1 min;
    /// Pages that tell what broke in them.
    ClientErrors client_errors = 10 in 1 min;
    /// How many of those are written down, over all callers together.
    ClientErrorLines client_error_lines = 60 in 1 min;
}
