//! Exported evenings against bytes that mean harm: a file is read to its end or refused, told, and made into a score.

use std::io::Cursor;

use futures_util::FutureExt;

use crate::hostile;

use super::line::Line;
use super::score::score;
use super::source::Source;
use super::words::Words;

#[test]
fn whatever_a_file_holds_it_is_told_or_refused() {
    let files = hostile::corpus("replay");
    // Lines for themselves too: what is one value of JSON is bent where it is one.
    let lines = files.iter().flat_map(|file| file.split(|byte| *byte == b'\n')).map(<[u8]>::to_vec);
    let seeds: Vec<Vec<u8>> = files.iter().cloned().chain(lines).collect();
    hostile::hunt("replay", &seeds, |bytes| {
        told(bytes.to_vec());
        told([HEADER, bytes].concat());
    });
}

const HEADER: &[u8] = b"{\"kind\":\"evening\",\"format\":1,\"session\":\"friday-night\",\"begin\":3}\n";

fn told(file: Vec<u8>) {
    let Ok(source) = Source::exported("a file", Box::new(Cursor::new(file))) else { return };
    let session = source.session.clone();
    let (mut words, mut lines) = (Words::new(session.clone()), Vec::new());
    // What comes before a line that cannot be read was told already.
    let mut take = |line: Line| {
        assert!(!words.of(&line).chars().any(|c| c.is_control() && c != '\n'), "{line:?} reaches the terminal as it is");
        lines.push(line);
        true
    };
    let _ = source.read(&mut take).now_or_never().unwrap_or_else(|| panic!("a file is never waited for"));
    for speed in [0.01, 1.0, 100_000.0] {
        let score = score(&session, lines.iter(), speed);
        assert!(score.steps.iter().all(|step| step.after >= 0), "{score:?}");
    }
    for line in &lines {
        let again = serde_json::to_string(line).unwrap_or_else(|why| panic!("{line:?}: {why}"));
        assert_eq!(&serde_json::from_str::<Line>(&again).unwrap_or_else(|why| panic!("{again}: {why}")), line);
    }
}
