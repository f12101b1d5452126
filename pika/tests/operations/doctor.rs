//! The doctor says what is wrong and how to mend it, and nothing where nothing is.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::support::{PIKA, Pika};

/// Whether all is well, and each finding by what was looked at.
async fn examined(data: &Path, settings: &[(&str, &str)]) -> (bool, Value) {
    let mut command = Command::new(PIKA);
    command.args(["doctor", "--json"]).current_dir(data).env("PIKA_DATA", data).env("PIKA_PROFILE", "development");
    let output = command.envs(settings.iter().copied()).kill_on_drop(true).output().await.unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(said["healthy"], output.status.success());
    (output.status.success(), said["findings"].clone())
}

fn finding<'a>(findings: &'a Value, what: &str) -> &'a Value {
    findings.as_array().unwrap().iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("no word of {what}: {findings:#}"))
}

#[tokio::test]
async fn it_finds_nothing_at_a_healthy_pika_and_says_what_is_wrong_with_another() {
    let mut pika = Pika::dev().await;
    let data = pika.data.path().to_owned();
    let listen = pika.url.trim_start_matches("http://").to_owned();
    let here = [("PIKA_LISTEN", listen.as_str())];
    let ready = async || {
        let mut command = Command::new(PIKA);
        command.args(["doctor", "--ready"]).current_dir(&data).env("PIKA_LISTEN", listen.as_str()).output().await.unwrap().status.success()
    };

    let (healthy, findings) = examined(&data, &here).await;
    assert!(healthy, "{findings:#}");
    for what in ["secret", "disk", "files", "broker", "sync", "streams", "clock", "store", "process"] {
        assert_eq!(finding(&findings, what)["level"], "fine", "{findings:#}");
    }
    assert!(ready().await);

    // In production join links must lead somewhere, and a broker of others must be known to sync.
    let (healthy, findings) = examined(&data, &[("PIKA_PROFILE", "production"), ("PIKA_LISTEN", listen.as_str())]).await;
    assert!(!healthy);
    assert_eq!(finding(&findings, "front")["level"], "fault");
    assert!(finding(&findings, "front")["words"].as_str().unwrap().contains("public_url"), "{findings:#}");
    let (_, findings) =
        examined(&data, &[("PIKA_NATS", format!("[\"{}\"]", pika.nats_url()).as_str()), ("PIKA_LISTEN", listen.as_str())]).await;
    assert_eq!(finding(&findings, "sync")["level"], "warning");

    // A settings key that does not exist, and a store of another program.
    let (healthy, findings) = examined(&data, &[("PIKA_LISTNE", "127.0.0.1:1")]).await;
    assert!(!healthy);
    assert!(finding(&findings, "settings")["words"].as_str().unwrap().contains("listne"), "{findings:#}");
    std::fs::write(data.join("letter.txt"), "this is no database, and longer than the header of one would be".repeat(20)).unwrap();
    let (healthy, findings) = examined(&data, &[("PIKA_STORE", "sqlite:letter.txt")]).await;
    assert!(!healthy && finding(&findings, "store")["level"] == "fault", "{findings:#}");

    // Nothing runs: the broker is away, and that says how to bring it back.
    assert!(pika.terminate().await);
    assert!(!ready().await);
    let (healthy, findings) = examined(&data, &here).await;
    assert!(!healthy);
    assert_eq!(finding(&findings, "broker")["level"], "fault");
    assert_eq!(finding(&findings, "process")["level"], "warning");
    assert!(!finding(&findings, "broker")["mend"].as_str().unwrap().is_empty());
}
