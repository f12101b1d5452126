//! What a process says on stderr: kept to be asked for, shown when its test fails, and looked through for what no line may tell.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use std::io::{BufRead, BufReader, Read};

use super::leaks::leak;

/// What a process that has ended may still have had to say.
const LAST_WORDS: Duration = Duration::from_secs(2);

#[derive(Clone, Default)]
pub struct Log(Arc<Kept>);

#[derive(Default)]
struct Kept {
    lines: Mutex<Vec<String>>,
    /// Pipes that are still read.
    open: Mutex<usize>,
    closed: Condvar,
}

impl Log {
    /// Reads a pipe to its end, on a thread of its own: a story's runtime may be gone by then.
    pub fn follow(&self, pipe: impl Read + Send + 'static) {
        let kept = self.0.clone();
        *kept.open.lock().unwrap() += 1;
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                eprintln!("{line}");
                kept.lines.lock().unwrap().push(line);
            }
            *kept.open.lock().unwrap() -= 1;
            kept.closed.notify_all();
        });
    }

    pub fn says(&self, words: &str) -> bool {
        self.0.lines.lock().unwrap().iter().any(|line| line.contains(words))
    }

    pub fn len(&self) -> usize {
        self.0.lines.lock().unwrap().len()
    }

    /// Fails the story if a line told what it must not. To be called when the process is gone.
    pub fn tells_nothing(&self) {
        let open = self.0.open.lock().unwrap();
        drop(self.0.closed.wait_timeout_while(open, LAST_WORDS, |open| *open > 0).unwrap());
        for line in self.0.lines.lock().unwrap().iter() {
            if let Some(what) = leak(line) {
                panic!("a line of the log tells {what}: {line}");
            }
        }
    }
}
