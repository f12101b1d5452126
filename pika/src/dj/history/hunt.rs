//! Histories against bytes that mean harm.

use schemas::limits::BPM;

use crate::hostile;

use super::{Found, History, Source};

fn read(source: Source, pieces: &[&[u8]]) -> Vec<Found> {
    let mut history = History::new(source);
    let mut found: Vec<Found> = pieces.iter().flat_map(|piece| history.feed(piece)).collect();
    found.extend(history.finish());
    found
}

#[test]
fn whatever_a_history_holds_a_track_keeps_every_limit() {
    hostile::hunt("history", &hostile::corpus("history"), |bytes| {
        for source in [Source::File, Source::Pipe] {
            let found = read(source, &[bytes]);
            let (head, tail) = bytes.split_at(bytes.len() / 3);
            assert_eq!(read(source, &[head, tail]), found, "a cut changes what is read");
            for entry in found.into_iter().flatten() {
                for text in [&entry.artist, &entry.title] {
                    assert!((1..=500).contains(&text.chars().count()), "{text:?}");
                    assert!(!text.chars().any(char::is_control), "{text:?}");
                }
                assert!(entry.bpm.is_none_or(|bpm| BPM.contains(&bpm)));
                assert!(entry.seconds.is_none_or(|seconds| (1.0..=86_400.0).contains(&seconds)));
                // What is read is said, and the server takes it.
                let track = serde_json::from_value::<schemas::Track>(entry.track());
                assert!(track.is_ok(), "{track:?}");
            }
        }
    });
}
