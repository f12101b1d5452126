//! A small disk of a story's own: a file system in memory that only one group of processes sees, because it is mounted in
//! a mount namespace. It goes when the last of them is gone, so a story that is cut short leaves nothing mounted.
//!
//! It takes root, or a system where everybody may make such a namespace. Elsewhere the story fails and says so.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub struct Disk {
    place: Arc<TempDir>,
    /// Keeps the namespace while no pika runs in it. It ends with its stdin, and so with this process.
    holder: Child,
}

impl Disk {
    pub async fn of(bytes: u64) -> Arc<Disk> {
        let place = Arc::new(tempfile::tempdir().unwrap());
        let mount = format!("mount -t tmpfs -o size={bytes} tmpfs \"$0\" && echo mounted && exec cat");
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", &mount])
            .arg(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("`unshare` of util-linux is needed for a small disk");
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let said = lines.next_line().await.unwrap();
        assert_eq!(said.as_deref(), Some("mounted"), "a small disk cannot be mounted here; run these tests as root with CAP_SYS_ADMIN");
        Disk { place, holder }.into()
    }

    /// Where the disk is mounted, for those who see it.
    pub fn place(&self) -> Arc<TempDir> {
        self.place.clone()
    }

    /// Where this process finds a file of the disk.
    pub fn seen(&self, path: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id().unwrap());
        Path::new(&root).join(path.strip_prefix("/").unwrap())
    }

    /// A program that sees the disk.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().unwrap().to_string(), "--mount", "--", program]);
        command
    }

    fn ballast(&self) -> PathBuf {
        self.seen(&self.place.path().join("ballast"))
    }

    /// Leaves room for so many bytes and no more.
    pub fn fill_but(&self, left: u64) {
        use std::io::Write;
        let mut ballast = std::fs::OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        while ballast.write_all(&[7; 4096]).is_ok() {}
        let filled = ballast.metadata().unwrap().len();
        ballast.set_len(filled.saturating_sub(left)).unwrap();
    }

    pub fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}
