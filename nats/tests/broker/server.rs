use std::path::Path;
use std::time::{Duration, Instant};

use nats::server::{Server, ServerConfig, find};

use crate::support::*;

fn config(dir: &Path, port: u16) -> ServerConfig {
    ServerConfig { program: find(None).unwrap(), dir: dir.into(), port }
}

#[tokio::test]
async fn a_server_that_dies_is_started_again_on_its_port() {
    let world = World::new().await;
    let (url, mut pid) = (world.server.url(), world.server.pid().unwrap());
    async_nats::connect(&url).await.unwrap();
    for death in 0..2 {
        signal(pid, "-KILL");
        let died = Instant::now();
        pid = until("another process", || async { world.server.pid().filter(|p| *p != pid) }).await;
        println!("death {death}: started again after {:?}", died.elapsed());
        until("a connection", || async { async_nats::connect(&url).await.ok() }).await;
    }
    world.server.stop().await;
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the server outlived its stop");
}

#[tokio::test]
async fn a_restart_uses_the_same_port_and_the_same_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path().into()).await;
    let url = server.url();
    let s = session("friday-night");
    let connect = |url: String| async {
        let config = nats::Config { servers: vec![url], ..nats::Config::default() };
        let broker = nats::Broker::connect(config, PATIENCE).await.unwrap();
        broker.declare(nats::Known::default()).await.unwrap();
        broker
    };
    let seqs = connect(url.clone()).await.append(&s, 0, &[begun(), track("a")], None, &[]).await.unwrap().seqs;
    server.stop().await;
    let server = start(dir.path().into()).await;
    assert_eq!(server.url(), url);
    let facts = connect(url).await.facts_after(&s, 0, 10).await.unwrap();
    assert_eq!(facts.iter().map(|f| f.seq).collect::<Vec<_>>(), seqs);
    server.stop().await;
}

#[tokio::test]
async fn a_leftover_of_this_directory_is_stopped_and_a_stranger_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path().into()).await;
    let conf = dir.path().canonicalize().unwrap().join("nats.conf");
    server.stop().await;
    // A server without a parent, as a killed one leaves it.
    let mut orphan = tokio::process::Command::new(find(None).unwrap()).arg("--config").arg(&conf).kill_on_drop(true).spawn().unwrap();
    let pid = orphan.id().unwrap();
    let pid_file = dir.path().join("nats.pid");
    until("its pid file", || async { std::fs::read_to_string(&pid_file).ok().filter(|text| text.trim() == pid.to_string()) }).await;
    let server = start(dir.path().into()).await;
    soon("the end of the leftover", orphan.wait()).await.unwrap();
    assert_ne!(server.pid(), Some(pid));
    server.stop().await;
    // The number now belongs to a process that has nothing to do with us.
    let mut stranger = tokio::process::Command::new("cat").stdin(std::process::Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    std::fs::write(&pid_file, stranger.id().unwrap().to_string()).unwrap();
    let server = start(dir.path().into()).await;
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    server.stop().await;
}

#[tokio::test]
async fn a_second_process_does_not_take_a_running_server_for_a_leftover() {
    let world = World::new().await;
    let pid = world.server.pid();
    let refused = Server::start(config(world.dir.path(), 0)).await;
    assert!(refused.err().unwrap().to_string().contains("another process"), "two servers in one directory");
    assert_eq!(world.server.pid(), pid);
    async_nats::connect(world.server.url()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = Server::start(config(dir.path(), port)).await.err().unwrap().to_string();
    assert!(said.contains(&port.to_string()), "{said}");
    let said = find(Some("/nowhere/nats-server".into())).unwrap_err().to_string();
    assert!(said.contains("/nowhere/nats-server"), "{said}");
    let old = dir.path().join("nats-server");
    std::fs::write(&old, "#!/bin/sh\necho nats-server: v2.9.10\n").unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let said = find(Some(old)).unwrap_err().to_string();
    assert!(said.contains("2.9") && said.contains("2.12"), "{said}");
    // A program that ends at once is not waited for.
    let start = Instant::now();
    let broken = ServerConfig { program: "/bin/false".into(), dir: dir.path().into(), port: 0 };
    let said = Server::start(broken).await.err().unwrap().to_string();
    assert!(said.contains("nats.log") && start.elapsed() < Duration::from_secs(5), "{said}");
}

#[tokio::test]
async fn the_server_syncs_what_it_acknowledges() {
    let world = World::new().await;
    let conf = std::fs::read_to_string(world.dir.path().join("nats.conf")).unwrap();
    assert!(conf.lines().any(|line| line.trim() == "sync_interval: always"), "{conf}");
}
