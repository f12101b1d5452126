//! Copying a keyspace while others write to it, and putting the copy into an empty one.
//!
//! It promises that a row comes back cell by cell: the bytes that the servers keep, the timestamps that decide which write stands, and the
//! end of what is kept for a time. It knows nothing of files: a table goes out and comes in as a stream of pieces.

mod copy;
mod form;
mod grouping;
mod mend;
mod restore;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Config, pushes, secrets};

pub use copy::Source;
pub use mend::Mended;
pub use restore::Target;

/// A table, and how long a row stays that has nothing but a key. Servers do not say when such a row ends or was written.
struct Table {
    name: &'static str,
    key_stays: Option<i64>,
}

const fn kept(name: &'static str) -> Table {
    Table { name, key_stays: None }
}

const fn fleeting(name: &'static str, seconds: i64) -> Table {
    Table { name, key_stays: Some(seconds) }
}

/// All tables, in the order in which they are copied: the reverse of the order in which a row and what it needs are written. So whatever
/// a row that was copied refers to was there when its own table was read later. The positions come first: what the rows hold beyond
/// them is folded again, as after a flush that was cut short.
const TABLES: &[Table] = &[
    kept("positions"),
    kept("swept_shelves"),
    kept("shelves"),
    kept("run_sums"),
    kept("play_sums"),
    kept("open_runs"),
    kept("runs_by_day"),
    kept("days"),
    kept("runs_by_slug"),
    kept("likers"),
    kept("runs"),
    kept("plays"),
    kept("polls"),
    kept("likes"),
    kept("wishes"),
    kept("votes"),
    kept("fingerprints"),
    kept("leaving"),
    kept("pushes"),
    fleeting("pushes_told", pushes::DONE),
    kept("push_followers"),
    kept("push_subscriptions"),
    fleeting("push_subscriptions_by_person", pushes::KEPT),
    kept("audit_by_account"),
    kept("audit_by_month"),
    kept("secrets"),
    fleeting("secrets_by_account", secrets::LONGEST),
    kept("accounts"),
    kept("account_names"),
    kept("tokens"),
    kept("tokens_by_dj"),
    kept("tokens_by_name"),
    kept("djs"),
];

/// What the rows of a table come to, in whatever order they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that stay.
    pub rows: u64,
    /// Over these: keys, cells and timestamps.
    pub sum: u64,
    /// Rows that end by themselves, and so may be fewer when they are looked at again.
    pub fleeting: u64,
}

impl Tally {
    pub fn all(&self) -> u64 {
        self.rows + self.fleeting
    }

    /// Whether a table that held this can hold that some time later, if nobody wrote to it.
    pub fn may_become(&self, later: &Tally) -> bool {
        (self.rows, self.sum) == (later.rows, later.sum) && later.fleeting <= self.fleeting
    }

    fn join(&mut self, other: Tally) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
        self.fleeting += other.fleeting;
    }
}

/// A page of a full table takes longer than a question of the api, and nobody waits for it.
fn patient(config: &Config) -> Config {
    Config { deadline: config.deadline.max(Duration::from_secs(60)), ..config.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cql::migrate;

    #[test]
    fn every_table_of_the_schema_is_copied() {
        let mut made = migrate::tables();
        let mut copied: Vec<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
        made.sort();
        copied.sort();
        assert_eq!(made, copied);
    }

    #[test]
    fn only_rows_that_end_by_themselves_may_be_missing_later() {
        let then = Tally { rows: 2, sum: 9, fleeting: 3 };
        assert!(then.may_become(&Tally { fleeting: 0, ..then }));
        assert!(!then.may_become(&Tally { fleeting: 4, ..then }));
        assert!(!then.may_become(&Tally { rows: 1, ..then }));
        assert!(!then.may_become(&Tally { sum: 8, ..then }), "a value differs");
    }
}
