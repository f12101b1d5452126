//! A backup that only the holder of its key can read.

use std::io::Read;
use std::path::Path;

use serde_json::json;

use crate::backup::{likes, tool_with};
use crate::support::{Dj, Pika, Socket, http, track, until};

const ADDRESS: &str = "ada.lovelace@example.org";

/// All files of a backup, and what unpacks of them.
fn contents(backup: &Path) -> Vec<u8> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(backup).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        // What is no gzip ends in an error, and gives what came before.
        let _ = flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut found);
        found.extend(bytes);
    }
    found
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[tokio::test]
async fn who_has_no_key_reads_nothing_of_a_backup_and_who_has_it_puts_it_back() {
    let mut pika = Pika::dev_with(&[("PIKA_SIGN_IN_LIMITS", "0"), ("PIKA_PASSWORD_PASSES", "2")]).await;
    pika.ready().await;
    let data = pika.data.path().to_owned();
    let body = json!({"email": ADDRESS, "password": "blue suede shoes 7", "displayName": "DJ Ada"});
    let made = http().post(format!("{}/api/auth/register", pika.url)).header("x-pika-client", "pika-desktop").json(&body).send().await;
    assert_eq!(made.unwrap().status(), 201);
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Kept")}})).await;
    until("the like's row", async || (likes(&pika, &dj).await == 1).then_some(())).await;

    let key = data.join("backup.key");
    std::fs::write(&key, "a-key-that-is-only-used-by-these-tests\n").unwrap();
    let (with, other) =
        ([("PIKA_BACKUP_KEY_FILE", key.to_str().unwrap())], [("PIKA_BACKUP_KEY", "another-key-that-is-only-used-by-these-tests")]);
    let places = tempfile::tempdir().unwrap();
    let (clear, sealed) = (places.path().join("clear"), places.path().join("sealed"));
    let told = async |args: &[&str], settings: &[(&str, &str)]| {
        let output = tool_with(&data, args, settings).await;
        (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let taken = async |to: &Path, settings: &[(&str, &str)]| {
        let (good, said) = told(&["backup", "--to", to.to_str().unwrap()], settings).await;
        assert!(good, "{said}");
        contents(&to.join(said.split(' ').next().unwrap()))
    };
    assert!(holds(&taken(&clear, &[]).await, ADDRESS), "without a key everybody can read it");
    assert!(!holds(&taken(&sealed, &with).await, ADDRESS));

    let to = sealed.to_str().unwrap();
    let (_, listed) = told(&["backup", "list", "--to", to], &[]).await;
    assert!(listed.contains("encrypted"), "{listed}");
    let (good, said) = told(&["backup", "verify", "--to", to], &with).await;
    assert!(good && said.contains("is whole"), "{said}");
    for (settings, words) in [
        (&[][..], "is encrypted: its key is given by `backup_key`"),
        (&other, "with another key"),
        (&[("PIKA_BACKUP_KEY", "short")], "at least 32"),
    ] {
        let (good, said) = told(&["backup", "verify", "--to", to], settings).await;
        assert!(!good && said.contains(words), "{said}");
    }

    assert!(pika.terminate().await);
    std::fs::remove_dir_all(data.join("nats")).unwrap();
    for name in ["pika.sqlite", "pika.sqlite-wal", "pika.sqlite-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    let (good, said) = told(&["restore", "--from", to], &[]).await;
    assert!(!good && said.contains("is encrypted") && !data.join("pika.sqlite").exists(), "{said}");
    let (good, said) = told(&["restore", "--from", to], &with).await;
    assert!(good, "{said}");
    pika.restart().await;
    pika.ready().await;
    assert_eq!(likes(&pika, &dj).await, 1);
}

#[tokio::test]
async fn who_writes_to_the_place_and_has_no_key_can_slip_nothing_in() {
    let pika = Pika::dev().await;
    pika.ready().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Kept").await;
    let data = pika.data.path().to_owned();
    let with = [("PIKA_BACKUP_KEY", "a-key-that-is-only-used-by-these-tests")];
    let places = tempfile::tempdir().unwrap();
    let (clear, sealed) = (places.path().join("clear"), places.path().join("sealed"));
    let told = async |args: &[&str], settings: &[(&str, &str)]| {
        let output = tool_with(&data, args, settings).await;
        (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let taken = async |to: &Path, settings: &[(&str, &str)]| {
        let (good, said) = told(&["backup", "--to", to.to_str().unwrap()], settings).await;
        assert!(good, "{said}");
        to.join(said.split(' ').next().unwrap())
    };
    let (open, ours) = (taken(&clear, &[]).await, taken(&sealed, &with).await);
    let to = sealed.to_str().unwrap();
    // An empty directory, so that nothing but the backup itself is in the way of a restore.
    let empty = tempfile::tempdir().unwrap();
    let refused = async |words: &str, more: &[&str]| {
        for args in [&["backup", "list", "--to", to][..], &["backup", "verify", "--to", to], &["restore", "--from", to]] {
            let output = tool_with(empty.path(), &[args, more].concat(), &with).await;
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains(words), "{args:?}: {said}");
        }
        assert!(!empty.path().join("pika.sqlite").exists() && !empty.path().join("nats/jetstream").exists());
    };

    // A manifest that was changed, or whose folder passes for a newer one.
    let manifest = ours.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"log_streams\": ", "\"log_streams\":  ", 1)).unwrap();
    refused("does not fit its signature", &[]).await;
    refused("does not fit its signature", &["--allow-unsigned"]).await;
    std::fs::write(&manifest, &text).unwrap();
    let newer = sealed.join("pika-29990101T000000Z");
    std::fs::rename(&ours, &newer).unwrap();
    refused("pika-29990101T000000Z is not what was written", &[]).await;
    std::fs::rename(&newer, &ours).unwrap();

    // One without a signature, and an open one. They are taken by who says so.
    std::fs::rename(ours.join("manifest.hmac"), sealed.join("aside")).unwrap();
    refused("is not signed", &[]).await;
    std::fs::rename(&open, &newer).unwrap();
    refused("pika-29990101T000000Z is not signed", &[]).await;
    for name in [&ours, &newer].map(|folder| folder.file_name().unwrap().to_str().unwrap()) {
        let (good, said) = told(&["backup", "verify", name, "--to", to, "--allow-unsigned"], &with).await;
        assert!(good && said.contains("is whole"), "{said}");
    }
    std::fs::rename(sealed.join("aside"), ours.join("manifest.hmac")).unwrap();
    let (good, listed) = told(&["backup", "list", "--to", to], &with).await;
    assert!(!good && listed.contains("encrypted") && listed.contains("1 more cannot be"), "{listed}");

    // A part that lies elsewhere.
    let text = std::fs::read_to_string(newer.join("manifest.json")).unwrap();
    std::fs::write(newer.join("manifest.json"), text.replace("rows.sqlite.gz", "../rows.sqlite.gz")).unwrap();
    let (good, said) = told(&["backup", "verify", "--to", to, "--allow-unsigned"], &with).await;
    assert!(!good && said.contains("a part that cannot be one"), "{said}");
}
