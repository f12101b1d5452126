//! Bytes that mean harm, made from seeds: cut, spliced, flipped, and bent where they are JSON. Shared by the fuzz targets of all rooms.
//!
//! A normal test makes a fixed number of them, always the same. `make fuzz MINUTES=n` goes on for that long for each target, from
//! another place each time. What breaks a target is printed as hex, to be put into the corpus, with the seed it was made from:
//! `PIKA_FUZZ_SEED=n` begins there. An input that takes longer than [`PATIENCE`] breaks a target too.
#![allow(dead_code, clippy::unwrap_used)] // Each test binary uses a part of it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Inputs of a normal run, after the seeds themselves.
const CASES: u64 = 4_000;
/// An input grows no longer than this; the largest frame is 128 KiB.
const LONGEST: usize = 160 * 1024;
/// More address space than this for decoding one small input after another means that somebody believed a length.
const MEMORY: u64 = 1 << 30;
/// One input is decoded in microseconds; the largest in milliseconds, also on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(10);

/// What decoders of lengths, numbers and texts stumble over.
const WORDS: &[&[u8]] = &[
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x01",
    b"\xdc\xff\xff",
    b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00",
    b"\xc0\xc1",
    b"\x91\x91\x91\x91\x91\x91\x91\x91",
    b"[[[[[[[[",
    b"{\"a\":{\"a\":",
    b"1e309",
    b"-0.0",
    b"0.005",
    b"9007199254740992",
    b"18446744073709551616",
    b"null",
    b"\"type\":\"PING\",",
    b"\\u0000",
    b"\\ud800",
    b"\x1b[2J",
    "\u{202e}".as_bytes(),
    "\u{9b}".as_bytes(),
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\r\n",
    b"<script>",
    b"#EXTVDJ:",
    b"&#x110000;",
];

/// The files of one folder of the corpus: `.hex` is hex with `#` comments, everything else is taken as it is. What is JSON comes as
/// MessagePack too.
pub fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/tests/fuzz/corpus").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the corpus in {} is empty", folder.display());
    let mut seeds = Vec::new();
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|ending| ending == "hex") {
            seeds.push(unhex(&String::from_utf8(bytes).unwrap()));
            continue;
        }
        if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
            seeds.push(schemas::codec::Codec::MsgPack.encode(&value));
        }
        seeds.push(bytes);
    }
    seeds
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.lines().map(|line| line.split('#').next().unwrap_or_default()).collect();
    let digits: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|two| (two[0] * 16 + two.get(1).copied().unwrap_or(0)) as u8).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks every seed and then what becomes of them. `check` panics if a promise is broken.
pub fn hunt(name: &str, seeds: &[Vec<u8>], check: impl Fn(&[u8])) {
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let long = number("PIKA_FUZZ_SECONDS").map(Duration::from_secs);
    let first = number("PIKA_FUZZ_SEED").unwrap_or(if long.is_some() { rand::random::<u32>().into() } else { 0 });
    let watch = Watch::start(name);
    let tried = |origin: &str, bytes: Vec<u8>| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| watch.over(origin, &bytes, || check(&bytes)))) {
            report(name, origin, &bytes, "breaks");
            resume_unwind(panic);
        }
    };
    let before = address_space();
    seeds.iter().enumerate().for_each(|(n, seed)| tried(&format!("number {n} of the corpus"), seed.clone()));
    let began = Instant::now();
    let mut made = 0;
    while long.map_or(made < CASES, |long| began.elapsed() < long) {
        let seed = first + made;
        tried(&format!("PIKA_FUZZ_SEED={seed}"), make(&mut StdRng::seed_from_u64(seed), seeds));
        made += 1;
    }
    if let (Some(before), Some(after)) = (before, address_space()) {
        assert!(after < before + MEMORY, "{name} made the process grow from {before} to {after} bytes");
    }
    if long.is_some() {
        eprintln!("{name}: {made} inputs from {first}");
    }
}

fn report(name: &str, origin: &str, bytes: &[u8], what: &str) {
    eprintln!("{name} {what} on {} bytes ({origin}); put them into schemas/tests/fuzz/corpus:\n{}", bytes.len(), hex(bytes));
}

/// Since when, from where, and what.
type UnderWay = Option<(Instant, String, Vec<u8>)>;

/// Ends the process when one input takes too long: a thread that does not come back cannot be stopped otherwise.
struct Watch {
    under_way: Arc<Mutex<UnderWay>>,
    _alive: std::sync::mpsc::Sender<()>,
}

impl Watch {
    fn start(name: &str) -> Watch {
        let under_way = Arc::<Mutex<UnderWay>>::default();
        let (name, looked) = (name.to_owned(), under_way.clone());
        let (alive, gone) = channel::<()>();
        std::thread::spawn(move || {
            while gone.recv_timeout(PATIENCE / 4) == Err(RecvTimeoutError::Timeout) {
                let look = looked.lock().unwrap_or_else(|held| held.into_inner());
                if let Some((since, origin, bytes)) = look.as_ref().filter(|(since, ..)| since.elapsed() > PATIENCE) {
                    report(&name, origin, bytes, &format!("takes {:?}", since.elapsed()));
                    std::process::abort();
                }
            }
        });
        Watch { under_way, _alive: alive }
    }

    fn over(&self, origin: &str, bytes: &[u8], check: impl FnOnce()) {
        let set = |value| *self.under_way.lock().unwrap_or_else(|held| held.into_inner()) = value;
        set(Some((Instant::now(), origin.to_owned(), bytes.to_vec())));
        check();
        set(None);
    }
}

/// The most address space that this process ever had, where the system tells. What is reserved and never touched counts.
fn address_space() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// One input.
pub fn make(rng: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
    if rng.random_bool(0.5)
        && let Ok(mut value) = serde_json::from_slice::<Value>(&bytes)
    {
        for _ in 0..rng.random_range(1..4) {
            bend(rng, &mut value);
        }
        let codec = if rng.random_bool(0.5) { schemas::codec::Codec::Json } else { schemas::codec::Codec::MsgPack };
        bytes = codec.encode(&value);
        if rng.random_bool(0.7) {
            return bytes;
        }
    }
    for _ in 0..rng.random_range(0..6) {
        spoil(rng, &mut bytes, seeds);
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Something in the tree becomes something else.
fn bend(rng: &mut StdRng, value: &mut Value) {
    let deeper = rng.random_bool(0.8);
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let name = fields.keys().nth(rng.random_range(0..fields.len())).cloned().unwrap();
            match rng.random_range(0..10) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(name, strange(rng))),
                _ => bend(rng, &mut fields[&name]),
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = rng.random_range(0..items.len());
            match rng.random_range(0..10) {
                0 => drop(items.remove(at)),
                1 => (0..rng.random_range(1..200)).for_each(|_| items.push(items[at].clone())),
                _ => bend(rng, &mut items[at]),
            }
        }
        value => *value = strange(rng),
    }
}

fn strange(rng: &mut StdRng) -> Value {
    let length = [0, 1, 10, 11, 100, 101, 200, 201, 500, 501, 2_001][rng.random_range(0..11)];
    match rng.random_range(0..22) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!([]),
        3 => json!({}),
        4 => json!(-1),
        5 => json!(u64::MAX),
        6 => json!(i64::MIN),
        7 => json!(1u64 << 53),
        8 => json!((1u64 << 53) - 1),
        9 => json!(1e308),
        10 => json!([0.0, 0.004, 0.5, 0.999_999_999_999_999_9, 1.0, 39.9, 40.0, 100.0, 300.0, -0.0][rng.random_range(0..10)]),
        11 => json!(rng.random::<f64>() * 400.0),
        12 => json!(rng.random_range(0..400)),
        13 => json!("x".repeat(length)),
        14 => json!("é\u{301}😀".repeat(length / 3 + 1)),
        15 => json!(format!("\u{202e}\u{9b}2J\u{1b}]0;{}\u{7}\u{0}", "y".repeat(length))),
        16 => json!("<script>alert(1)</script>"),
        17 => json!("\n\t\r \u{feff}\u{2028}"),
        18 => json!("2026-11-21T04:22:31.604Z"),
        19 => json!("-009999-01-02T01:59:59Z"),
        20 => (0..rng.random_range(1..300)).fold(json!(1), |inner, _| json!([inner])),
        _ => json!({"title": "T", "artist": "A", "title ": "other", "bpm": null}),
    }
}

/// A few bytes go wrong.
fn spoil(rng: &mut StdRng, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = rng.random_range(0..=bytes.len());
    let to = (at + rng.random_range(0..40)).min(bytes.len());
    match rng.random_range(0..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = rng.random(),
        2 => drop(bytes.drain(at..to)),
        3 => {
            let copy = bytes[at..to].to_vec();
            drop(bytes.splice(at..at, copy));
        }
        4 => bytes.truncate(at),
        5 => {
            let other = &seeds[rng.random_range(0..seeds.len())];
            let from = rng.random_range(0..=other.len());
            drop(bytes.splice(at.., other[from..].iter().copied()));
        }
        _ => {
            let word = WORDS[rng.random_range(0..WORDS.len())];
            let over = if rng.random_bool(0.5) { at..(at + word.len()).min(bytes.len()) } else { at..at };
            drop(bytes.splice(over, word.iter().copied()));
        }
    }
}
