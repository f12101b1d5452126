use proptest::prelude::*;

use super::*;

fn read(source: Source, bytes: &[u8]) -> Vec<Found> {
    let mut history = History::new(source);
    let mut found = history.feed(bytes);
    found.extend(history.finish());
    found
}

fn names(found: &[Found]) -> Vec<String> {
    found.iter().map(|f| f.as_ref().map_or_else(|u| format!("line {}: {}", u.line, u.why), Entry::to_string)).collect()
}

#[test]
fn the_sample_evening_is_read_whole() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/wcs-night.m3u");
    let found = read(Source::File, &std::fs::read(path).expect("the sample evening lies in samples/"));
    let entries: Vec<&Entry> = found.iter().map(|f| f.as_ref().expect("every line can be read")).collect();
    assert_eq!(entries.len(), 40);
    assert_eq!(
        entries[0],
        &Entry {
            artist: "Adele".into(),
            title: "Rolling in the Deep".into(),
            bpm: Some(105.0),
            played_at: Some(Millis(1_769_284_800_000)),
            seconds: Some(228.0)
        }
    );
    assert!(entries.iter().any(|e| e.title == "Suit & Tie"));
    assert!(entries.iter().any(|e| e.title == "(Sittin' On) The Dock of the Bay"));
    assert!(entries.iter().any(|e| e.artist == "Keb' Mo'"));
    assert!(entries.windows(2).all(|w| w[0].played_at < w[1].played_at));
    assert!(entries.iter().all(|e| e.artist != NOBODY && e.bpm.is_some()));
}

#[test]
fn windows_line_ends_byte_order_marks_and_latin_letters_do_no_harm() {
    let found = read(Source::File, b"\xef\xbb\xbf#EXTVDJ:<artist>A</artist><title>B</title>\r\nC:\\x.mp3\r\n#EXTVDJ:<artist>Beyonc\xe9</artist><title>Halo</title>\r\n");
    assert_eq!(names(&found), ["A – B", "Beyoncé – Halo"]);
}

#[test]
fn tags_may_be_escaped_missing_or_strange() {
    let line = |tags: &str| names(&read(Source::File, format!("#EXTVDJ:{tags}\nD:\\Music\\Prince - Kiss.mp3\n").as_bytes()));
    assert_eq!(
        line("<artist>A &amp; B</artist><title>[Live] &lt;3 &#233;&#xe9; &unknown; &</title>"),
        ["A & B – [Live] <3 éé &unknown; &"]
    );
    assert_eq!(line("<title>Kiss</title><bpm>112</bpm>"), ["Prince – Kiss"]);
    assert_eq!(line("<bpm>112</bpm>"), ["Prince – Kiss"]);
    assert_eq!(line("<artist>A</artist><title>B</title><remix>Club Mix</remix>"), ["A – B (Club Mix)"]);
    assert_eq!(line("<artist>A</artist><title>B (Club Mix)</title><remix>club mix</remix>"), ["A – B (Club Mix)"]);
    assert_eq!(line("nothing here"), ["line 1: an #EXTVDJ line without tags that could be read", "Prince – Kiss"]);
}

#[test]
fn numbers_out_of_range_are_left_out() {
    let bpm = |bpm: &str| {
        read(Source::File, format!("#EXTVDJ:<artist>A</artist><title>B</title><bpm>{bpm}</bpm>\n").as_bytes())[0]
            .as_ref()
            .ok()
            .and_then(|e| e.bpm)
    };
    assert_eq!((bpm("112"), bpm("0.5"), bpm("12"), bpm("NaN"), bpm("fast")), (Some(112.0), Some(120.0), None, None, None));
}

#[test]
fn a_plain_m3u_is_read() {
    let found = read(Source::File, b"#EXTM3U\n#EXTINF:228,Adele - Rolling in the Deep\n/music/a.mp3\n#EXTINF:-1 tvg-id=\"x\",Prince - Kiss\n/music/b.mp3\n\n/music/Tom Misch - Movie.flac\n#EXTINF:10\n");
    assert_eq!(
        names(&found),
        ["Adele – Rolling in the Deep", "Prince – Kiss", "Tom Misch – Movie", "line 8: an #EXTINF line without a comma"]
    );
    assert_eq!(found[0].as_ref().ok().and_then(|e| e.seconds), Some(228.0));
}

#[test]
fn a_text_is_no_history() {
    let found = read(Source::File, b"Dear diary\n\nTonight I danced.\n\x7fELF\x02\x01\n");
    assert!(found.iter().all(Result::is_err), "{found:?}");
}

#[test]
fn lines_from_a_pipe_are_tracks() {
    let found = read(Source::Pipe, "Adele - Rolling in the Deep\n\nPrince — Kiss\nJust a title\n".as_bytes());
    assert_eq!(names(&found), ["Adele – Rolling in the Deep", "Prince – Kiss", "Unknown artist – Just a title"]);
}

#[test]
fn a_line_is_read_once_it_is_complete() {
    let mut history = History::new(Source::File);
    assert_eq!(history.feed(b"#EXTVDJ:<artist>A</artist><ti"), []);
    assert_eq!(names(&history.feed(b"tle>B</title>\nC:\\x.mp")), ["A – B"]);
    assert_eq!(history.feed(b"3\n"), []);
    assert_eq!(history.finish(), []);
}

#[test]
fn a_title_has_at_most_five_hundred_characters() {
    let found = read(Source::Pipe, format!("A - {}\n", "ż".repeat(600)).as_bytes());
    assert_eq!(found[0].as_ref().map(|e| e.title.chars().count()), Ok(500));
}

proptest! {
    /// Whatever the bytes and however they are cut, nothing panics, and every track found is one the wire admits.
    #[test]
    fn no_bytes_make_it_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..8)) {
        for source in [Source::File, Source::Pipe] {
            let mut history = History::new(source);
            let mut found: Vec<Found> = pieces.iter().flat_map(|p| history.feed(p)).collect();
            found.extend(history.finish());
            for entry in found.into_iter().flatten() {
                prop_assert!(serde_json::from_value::<schemas::Track>(entry.track()).is_ok(), "{entry:?}");
            }
        }
    }

    #[test]
    fn no_tags_make_it_panic(text in r#"(#EXTVDJ:|#EXTINF:)?(<artist>|</artist>|<title>|</title>|<bpm>|&amp;|&#x|;|é|,|-| |[0-9]{1,9}|[a-z]{1,4}|\n){0,30}"#) {
        for entry in read(Source::File, text.as_bytes()).into_iter().flatten() {
            prop_assert!(serde_json::from_value::<schemas::Track>(entry.track()).is_ok(), "{entry:?}");
        }
    }

    #[test]
    fn cuts_change_nothing(cut in 0usize..200) {
        let text = "#EXTVDJ:<artist>A &amp; C</artist><title>Żółć</title>\r\nx.mp3\r\n#EXTINF:10,Prince - Kiss\ny.mp3\n".as_bytes();
        let cut = cut.min(text.len());
        let mut history = History::new(Source::File);
        let mut found = history.feed(&text[..cut]);
        found.extend(history.feed(&text[cut..]));
        found.extend(history.finish());
        prop_assert_eq!(found, read(Source::File, text));
    }
}
