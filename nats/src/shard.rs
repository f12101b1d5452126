//! The streams of the log: one, or several that share the partitions among them, so that their syncs go side by side.
//!
//! How many there are is settled when they are made. A session's facts lie on one of them for ever, so positions and epochs
//! are those of its stream; the broker refuses streams whose subjects overlap, and so a process with another number in
//! its settings does not start.

use schemas::Partition;
use schemas::limits::PARTITIONS;

/// One stream of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    number: u8,
    of: u8,
}

impl Shard {
    /// The one of a log that has no other.
    pub const ONE: Shard = Shard { number: 0, of: 1 };

    /// All of them.
    pub fn all(of: u8) -> impl Iterator<Item = Shard> {
        let of = of.clamp(1, PARTITIONS);
        (0..of).map(move |number| Shard { number, of })
    }

    pub(crate) fn index(partition: Partition, of: usize) -> usize {
        usize::from(partition.0) % of.max(1)
    }

    /// The partitions whose sessions lie here.
    pub fn partitions(self) -> impl Iterator<Item = Partition> {
        Partition::all().filter(move |partition| self.holds(*partition))
    }

    pub fn holds(self, partition: Partition) -> bool {
        partition.0 % self.of == self.number
    }

    fn is_whole(self) -> bool {
        self.of == 1
    }

    pub fn stream(self) -> String {
        if self.is_whole() { "LIVE".to_owned() } else { format!("LIVE_{}", self.number) }
    }

    /// What the stream stores.
    pub(crate) fn subjects(self) -> Vec<String> {
        if self.is_whole() {
            return vec!["live.>".to_owned()];
        }
        self.partitions().map(|partition| format!("live.{partition}.>")).chain([self.void()]).collect()
    }

    /// Where sequences go that are not to be used again.
    pub(crate) fn void(self) -> String {
        if self.is_whole() { "live.void".to_owned() } else { format!("live.void.{}", self.number) }
    }

    /// The key under which its epochs are declared.
    pub(crate) fn epoch_key(self) -> String {
        if self.is_whole() { "$KV.PIKA.epoch".to_owned() } else { format!("$KV.PIKA.epoch.{}", self.number) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_partition_lies_in_one_stream() {
        for of in [1, 3, 4, 64] {
            let shards: Vec<Shard> = Shard::all(of).collect();
            for (n, shard) in shards.iter().enumerate() {
                assert!(shard.partitions().all(|partition| Shard::index(partition, shards.len()) == n));
            }
            let all: BTreeSet<Partition> = shards.iter().flat_map(|shard| shard.partitions()).collect();
            assert_eq!(all.len(), usize::from(PARTITIONS));
            let streams: BTreeSet<String> = shards.iter().map(|shard| shard.stream()).collect();
            assert_eq!(streams.len(), usize::from(of));
        }
    }
}
