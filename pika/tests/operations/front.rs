//! A real nginx with the shipped settings in front of two nodes: which role answers what, and nobody is lost when a node leaves.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::cluster::{Cluster, own};
use crate::support::{Dj, Pika, Socket, http, track, until};
use crate::{free_port, shipped};

struct Nginx {
    url: String,
    tls: u16,
    dir: TempDir,
    child: Child,
}

/// One line of the shipped settings, changed to what this test has; that line has to be there.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the shipped settings no longer say {from}");
    text.replace(from, to)
}

impl Nginx {
    async fn before(cluster: &Cluster) -> Nginx {
        let dir = tempfile::tempdir().unwrap();
        // The workers of an nginx that root started are somebody else.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let file = |name: &str| dir.path().join(name);
        let read = |name: &str| std::fs::read_to_string(shipped("deploy/nginx").join(name)).unwrap();
        for name in ["types.conf", "proxy.conf", "locations.conf"] {
            std::fs::write(file(name), read(name)).unwrap();
        }
        let (plain, redirect, tls) = (free_port(), free_port(), free_port());
        let main = changed(&read("nginx.conf"), "/tmp/", &format!("{}/", dir.path().display()));
        let main = changed(&main, "include pika.conf;", "include pika.conf;\n  include behind.conf;");
        // A test may run with few open files.
        let main = changed(&main, "worker_rlimit_nofile 131072;", "");
        std::fs::write(file("nginx.conf"), changed(&main, "worker_connections 32768;", "worker_connections 512;")).unwrap();
        std::fs::write(file("behind.conf"), changed(&read("behind.conf"), "listen 8080", &format!("listen 127.0.0.1:{plain}"))).unwrap();
        let front = read("pika.conf").lines().filter(|line| !line.contains("listen [::]")).collect::<Vec<_>>().join("\n");
        let front = changed(&front, "listen 8080", &format!("listen 127.0.0.1:{redirect}"));
        std::fs::write(file("pika.conf"), changed(&front, "listen 8443", &format!("listen 127.0.0.1:{tls}"))).unwrap();
        let roles = std::fs::read_to_string(shipped("deploy/compose/roles/upstreams.conf")).unwrap();
        let at = |pika: &Pika| pika.url.trim_start_matches("http://").to_owned();
        let roles = changed(&roles, "ingest:3001", &at(&cluster.ingest));
        let roles = changed(&roles, "fanout-1:3001", &at(&cluster.nodes[0]));
        let roles = changed(&roles, "fanout-2:3001", &at(&cluster.nodes[1]));
        std::fs::write(file("upstreams.conf"), changed(&roles, "api:3001", &at(&cluster.api))).unwrap();
        std::fs::create_dir(file("tls")).unwrap();
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
            .arg(file("tls/privkey.pem"))
            .arg("-out")
            .arg(file("tls/fullchain.pem"))
            .stderr(Stdio::null())
            .status();
        assert!(made.await.expect("openssl is needed").success());
        let child = Command::new("nginx")
            .arg("-c")
            .arg(file("nginx.conf"))
            .args(["-g", "daemon off;"])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(file("log")).unwrap())
            .spawn()
            .expect("nginx is needed: `deploy/tools.sh nginx` installs it");
        let nginx = Nginx { url: format!("http://127.0.0.1:{plain}"), tls, dir, child };
        until("nginx", async || http().get(format!("{}/health", nginx.url)).send().await.ok()?.error_for_status().ok()).await;
        nginx
    }

    fn ws_url(&self) -> String {
        format!("{}/ws", self.url.replacen("http", "ws", 1))
    }

    async fn status(&self, path: &str) -> u16 {
        http().get(format!("{}{path}", self.url)).send().await.unwrap().status().as_u16()
    }

    /// What comes over TLS from whoever this certificate belongs to.
    async fn over_tls(&self, path: &str) -> String {
        let script = format!(
            "printf 'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -CAfile {} -servername localhost -connect 127.0.0.1:{} 2>&1",
            self.dir.path().join("tls/fullchain.pem").display(),
            self.tls
        );
        let answer = Command::new("sh").arg("-c").arg(script).output().await.unwrap();
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its workers with it, which a kill would leave behind.
        if let Some(pid) = self.child.id() {
            let _ = std::process::Command::new("kill").arg("-TERM").arg(pid.to_string()).status();
        }
    }
}

/// A dancer who came through the front and is in the session.
async fn dancer(nginx: &Nginx, session: &str, cookie: Option<&str>) -> Socket {
    let mut socket = Socket::connect(&nginx.ws_url(), None, cookie).await.unwrap_or_else(|error| panic!("the front refused: {error}"));
    socket.subscribe(session).await;
    socket
}

async fn sockets(node: &Pika) -> f64 {
    node.metric("pika_connections", "").await
}

#[tokio::test]
async fn the_shipped_front_leads_to_each_role_and_a_node_that_leaves_loses_nobody() {
    let mut cluster = Cluster::start().await;
    let nginx = Nginx::before(&cluster).await;

    // Going live is ingest's, the same path read is api's, pages too; what is for machines inside is nobody's.
    let mut dj = Dj::live_at(&nginx.url, "DJ Front").await;
    for (path, status) in
        [("/api/sessions", 200), ("/", 200), ("/health", 200), ("/metrics", 404), ("/readyz", 404), ("/livez", 404), ("/dev/mail", 404)]
    {
        assert_eq!(nginx.status(path).await, status, "{path}");
    }
    let secure = nginx.over_tls("/health").await;
    assert!(secure.contains(" 200 ") && secure.contains("\"status\":\"ok\""), "{secure}");

    let mut floor = Vec::new();
    for _ in 0..12 {
        floor.push(dancer(&nginx, &dj.session, None).await);
    }
    let shares = (sockets(&cluster.nodes[0]).await, sockets(&cluster.nodes[1]).await);
    assert_eq!(shares, (6.0, 6.0), "the front shares sockets out by how many a node has");
    dj.play("First").await;
    for socket in &mut floor {
        socket.wait("the track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "First").await;
        socket.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("First")}})).await;
    }

    // One node is asked to leave. Its sockets are told to come back, and the front leads them to the other one.
    let [leaves, stays] = &mut cluster.nodes;
    let moved = async {
        assert!(leaves.terminate().await);
    };
    // Each by itself: who is on the other node knows that it stays once everybody is there.
    let come_back = join_all(floor.into_iter().map(async |mut socket: Socket| {
        let moves = tokio::select! {
            code = socket.closing() => { assert_eq!(code, Some(1012)); true }
            () = until_alone(stays) => false,
        };
        if moves {
            let cookie = socket.cookie.clone();
            socket = dancer(&nginx, &dj.session, cookie.as_deref()).await;
        }
        socket
    }));
    let ((), mut floor) = tokio::join!(moved, come_back);
    assert_eq!(floor.len(), 12);
    dj.play("Second").await;
    for socket in &mut floor {
        socket.wait("the track", |m| m["type"] == "NOW_PLAYING" && m["track"]["title"] == "Second").await;
        let heard = own(socket.heard(), &dj.session);
        assert!(heard.iter().all(|m| m["type"] != "SESSION_ENDED"), "{heard:?}");
        socket.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Second")}})).await;
    }
    assert_eq!(sockets(stays).await, 12.0);
    // Whoever comes now meets the dead node in the front's list, and does not notice.
    for _ in 0..4 {
        dancer(&nginx, &dj.session, None).await;
    }
    let refused = std::fs::read_to_string(nginx.dir.path().join("log")).unwrap();
    assert!(!refused.contains("[emerg]"), "{refused}");
}

/// Until all twelve are on this node.
async fn until_alone(node: &Pika) {
    until("all sockets on one node", async || (sockets(node).await == 12.0).then_some(())).await;
}
