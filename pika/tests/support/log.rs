//! What a process says on stderr: kept to be asked for, and shown when its test fails.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStderr;

#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn follow(&self, stderr: ChildStderr) {
        let (kept, mut lines) = (self.0.clone(), BufReader::new(stderr).lines());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("{line}");
                kept.lock().unwrap().push(line);
            }
        });
    }

    pub fn says(&self, words: &str) -> bool {
        self.0.lock().unwrap().iter().any(|line| line.contains(words))
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}
