//! A Cassandra of its own for a test: booted by the script that also knows how to get it, and gone with this process.
#![allow(dead_code)] // Each test binary uses a part of it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

pub struct Cassandra {
    /// `HOST:PORT`. The same over all its lives.
    pub place: String,
    life: Mutex<Life>,
}

struct Life {
    pid: String,
    script: Child,
    output: BufReader<ChildStdout>,
}

impl Life {
    fn ready(&mut self) -> (String, String) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["ready", place, pid] = words[..] else {
            panic!("no Cassandra for this test: `deploy/cassandra.sh run` said {line:?}. `deploy/tools.sh cassandra` gets what it needs")
        };
        (place.to_owned(), pid.to_owned())
    }
}

impl Cassandra {
    /// One that lets everybody in.
    pub fn boot() -> Cassandra {
        Cassandra::boot_with("AllowAllAuthenticator")
    }

    /// One that asks for a password: that of the user `cassandra` is `cassandra`.
    pub fn guarded() -> Cassandra {
        Cassandra::boot_with("PasswordAuthenticator")
    }

    fn boot_with(authenticator: &str) -> Cassandra {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/cassandra.sh");
        // Its end of our pipe closes with this process, however that ends, and then the server goes too.
        let mut script = Command::new(script)
            .arg("run")
            .env("CASSANDRA_AUTHENTICATOR", authenticator)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(script.stdout.take().unwrap());
        let mut life = Life { pid: String::new(), script, output };
        let (place, pid) = life.ready();
        life.pid = pid;
        Cassandra { place, life: Mutex::new(life) }
    }

    /// Sends the server a signal: STOP, CONT, KILL.
    pub fn signal(&self, name: &str) {
        let pid = self.life.lock().unwrap().pid.clone();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Starts a server that was killed, where it was and with its data.
    pub fn start_again(&self) {
        let mut life = self.life.lock().unwrap();
        life.script.stdin.as_mut().unwrap().write_all(b"start\n").unwrap();
        let (place, pid) = life.ready();
        assert_eq!(place, self.place);
        life.pid = pid;
    }
}

impl Drop for Cassandra {
    fn drop(&mut self) {
        let script = &mut self.life.get_mut().unwrap().script;
        drop(script.stdin.take());
        let _ = script.wait();
    }
}
