//! Backups in a bucket: a server that speaks S3 stands between.

use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::backup::{likes, lose, tool_with};
use crate::free_port;
use crate::support::{Dj, Pika, Socket, http, track, until};

const BUCKET: &str = "backups";
const KEY: &str = "somebody";
const SECRET: &str = "whose-words-nobody-guesses";

/// versitygw over a folder, in which a bucket is a folder.
struct Bucket {
    folder: TempDir,
    endpoint: String,
    _server: Child,
}

impl Bucket {
    async fn open() -> Bucket {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("versitygw");
        command
            .args(["--port", &address, "--quiet", "posix"])
            .arg(folder.path())
            .env("ROOT_ACCESS_KEY", KEY)
            .env("ROOT_SECRET_KEY", SECRET);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().expect("versitygw: deploy/tools.sh s3");
        let endpoint = format!("http://{address}");
        until("the bucket", async || http().get(&endpoint).send().await.ok()).await;
        Bucket { folder, endpoint, _server: server }
    }

    fn settings(&self, secret: &'static str) -> [(&'static str, &str); 5] {
        let (key, endpoint) = (("AWS_ACCESS_KEY_ID", KEY), ("AWS_ENDPOINT", self.endpoint.as_str()));
        [key, ("AWS_SECRET_ACCESS_KEY", secret), ("AWS_REGION", "us-east-1"), endpoint, ("AWS_ALLOW_HTTP", "true")]
    }
}

#[tokio::test]
async fn a_backup_goes_into_a_bucket_and_comes_back() {
    let bucket = Bucket::open().await;
    let mut pika = Pika::dev().await;
    let data = pika.data.path().to_owned();
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Kept")}})).await;
    until("the like's row", async || (likes(&pika, &dj).await == 1).then_some(())).await;
    let told = async |args: &[&str]| {
        let output = tool_with(&data, args, &bucket.settings(SECRET)).await;
        assert!(output.status.success(), "pika {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let to = format!("s3://{BUCKET}/pika");
    told(&["backup", "--to", &to]).await;
    assert_eq!(told(&["backup", "list", "--to", &to]).await.lines().count(), 1);
    assert!(told(&["backup", "verify", "--to", &to]).await.contains("is whole"));

    // Nobody's key, and a bucket that is not there.
    let stranger = tool_with(&data, &["backup", "list", "--to", &to], &bucket.settings("guessed")).await;
    let nowhere = tool_with(&data, &["backup", "--to", "s3://elsewhere/pika"], &bucket.settings(SECRET)).await;
    for refused in [stranger, nowhere] {
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && words.contains("s3://") && !words.contains(SECRET), "{words}");
    }

    assert!(pika.terminate().await);
    lose(&data);
    told(&["restore", "--from", &to]).await;
    pika.restart().await;
    pika.ready().await;
    assert_eq!(likes(&pika, &dj).await, 1);
    assert!(bucket.folder.path().join(BUCKET).join("pika").is_dir());
}
