//! What a process writes down in files: all lines, those of trouble, and one for each request.

use serde_json::Value;

use crate::support::{Dj, Pika, http, until};

fn lines(folder: &std::path::Path, name: &str) -> Vec<Value> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let day = |file: &std::path::PathBuf| file.file_name().unwrap().to_str().unwrap().starts_with(&format!("{name}.20"));
    let text: String = files.filter(day).map(|file| std::fs::read_to_string(file).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_request_has_a_number_a_line_and_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let pika = Pika::dev_with(&[("PIKA_LOG_DIR", folder.path().to_str().unwrap()), ("PIKA_LOG", "info")]).await;
    let dj = Dj::live(&pika).await;
    let recap = format!("{}/api/sessions/{}/recap", pika.url, dj.session);
    let number = "0af7651916cd43dd8448eb211c80319c";
    let answer = http().get(&recap).header("x-request-id", number).bearer_auth(&dj.owner_token).send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], number);
    let (one, other) = (http().get(&recap).send().await.unwrap(), http().get(&recap).send().await.unwrap());
    assert_ne!(one.headers()["x-request-id"], other.headers()["x-request-id"]);
    let access = || lines(folder.path(), "pika-access");
    let line = until("the request's line", async || access().into_iter().find(|line| line["id"] == number)).await;
    assert_eq!(
        (&line["method"], &line["route"], &line["status"]),
        (&"GET".into(), &"/api/sessions/{id}/recap".into(), &200.into()),
        "{line}"
    );
    assert!(line["seconds"].is_f64(), "{line}");
    let told = access().iter().map(Value::to_string).collect::<String>();
    assert!(!told.contains(&dj.session) && !told.contains(&dj.owner_token), "{told}");
    let all = until("the lines of all", async || Some(lines(folder.path(), "pika-all")).filter(|all| !all.is_empty())).await;
    assert!(all.iter().all(|line| line["target"] != "access"));
    assert!(lines(folder.path(), "pika-trouble").iter().all(|line| line["level"] == "WARN" || line["level"] == "ERROR"));
}
