//! What a killed `pika dj` needs to go on: a small file of its own, readable by nobody else.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use schemas::secrets::token_hash;
use serde::{Deserialize, Serialize};

use super::api::Live;
use super::queue::Item;

/// An evening under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    pub live: Live,
    /// Prefix of the message ids: unique to this evening.
    pub run: String,
    /// Tracks of the history that were handed to the queue.
    pub taken: usize,
    /// Messages made so far; each gets a number of its own.
    pub made: u64,
    /// Handed over and not stored yet.
    pub pending: Vec<Item>,
}

pub struct StateFile {
    pub path: PathBuf,
}

impl StateFile {
    /// The place for this server, history and session: the same arguments find it again.
    pub fn of(server: &str, history: &str, session: Option<&str>) -> Self {
        let history = fs::canonicalize(history).map(|p| p.display().to_string()).unwrap_or_else(|_| history.to_owned());
        let name = token_hash(&format!("{server}\n{history}\n{}", session.unwrap_or("")));
        StateFile { path: directory().join(format!("{}.json", name.get(..16).unwrap_or(&name))) }
    }

    pub fn load(&self) -> anyhow::Result<Option<Saved>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged; delete it to begin anew", self.path.display()))?,
            )),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("cannot read {}", self.path.display())),
        }
    }

    /// Replaces the file whole, so that a crash leaves the old one or the new one.
    pub fn save(&self, saved: &Saved) -> anyhow::Result<()> {
        let text = serde_json::to_vec(saved)?;
        write_private(&self.path, &text).with_context(|| format!("cannot keep the state in {}", self.path.display()))
    }

    pub fn forget(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let draft = path.with_extension("draft");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&draft, path)
}

/// Where programs keep what must outlive a restart: `$XDG_STATE_HOME`, else `~/.local/state`, else the temporary directory.
fn directory() -> PathBuf {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("pika/dj")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        let live = Live {
            session: "friday-night".into(),
            dj_name: "DJ".into(),
            owner_token: "pk_own_secret".into(),
            join_url: String::new(),
            join_code: "ABCDEF".into(),
        };
        Saved {
            live,
            run: "r1".into(),
            taken: 3,
            made: 4,
            pending: vec![Item { id: "r1-3".into(), message: serde_json::json!({"type": "PING"}) }],
        }
    }

    #[test]
    fn what_is_saved_is_found_and_private() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = StateFile { path: directory.path().join("deep/state.json") };
        assert!(file.load().expect("no file is no error").is_none());
        file.save(&saved()).expect("saved");
        let back = file.load().expect("readable").expect("there");
        assert_eq!((back.taken, back.pending, back.live.owner_token.as_str()), (3, saved().pending, "pk_own_secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file.path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        file.forget();
        assert!(file.load().expect("no file is no error").is_none());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = StateFile { path: directory.path().join("state.json") };
        fs::write(&file.path, b"{").expect("written");
        assert!(file.load().expect_err("damaged").to_string().contains("delete it"));
    }

    #[test]
    fn a_token_is_not_printed() {
        assert!(!format!("{:?}", saved().live).contains("secret"));
    }
}
