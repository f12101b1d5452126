//! The listener count is of people: over tabs, over nodes, over a while after they left.

use serde_json::json;

use crate::cluster::Cluster;
use crate::support::{Dj, Socket, until};

/// Hears the count, and forgets what it was before.
async fn counted(socket: &mut Socket, session: &str, count: u64) {
    socket
        .wait(&format!("{count} listeners"), |m| m["type"] == "LISTENER_COUNT" && m["sessionId"] == *session && m["count"] == count)
        .await;
    socket.heard();
}

async fn api_counts(cluster: &Cluster, session: &str, count: u64) {
    until(&format!("{count} listeners on the home page"), async || {
        (cluster.active(session).await?["listenerCount"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn tabs_of_one_person_on_two_nodes_are_one_listener() {
    let cluster = Cluster::shared().await;
    let dj = Dj::live(&cluster.ingest).await;
    let mut one = Socket::open(&cluster.nodes[0]).await;
    one.subscribe(&dj.session).await;
    let mut tab = Socket::open_as(&cluster.nodes[1], one.cookie.as_deref()).await;
    tab.subscribe(&dj.session).await;
    let mut same_node = Socket::open_as(&cluster.nodes[0], one.cookie.as_deref()).await;
    same_node.subscribe(&dj.session).await;
    let mut friend = Socket::open(&cluster.nodes[1]).await;
    friend.subscribe(&dj.session).await;
    for socket in [&mut one, &mut tab, &mut same_node, &mut friend] {
        counted(socket, &dj.session, 2).await;
    }
    api_counts(&cluster, &dj.session, 2).await;
    for tab in [tab, same_node] {
        tab.vanish();
    }
    // Somebody comes and goes after that: when they are forgotten, whatever the tabs took with them is forgotten too.
    let mut third = Socket::open(&cluster.nodes[1]).await;
    third.subscribe(&dj.session).await;
    counted(&mut friend, &dj.session, 3).await;
    third.vanish();
    counted(&mut friend, &dj.session, 2).await;
    let heard = friend.drain().await;
    assert!(heard.iter().all(|m| m["type"] != "LISTENER_COUNT"), "{heard:?}");
    api_counts(&cluster, &dj.session, 2).await;
}

#[tokio::test]
async fn who_leaves_stays_counted_for_a_while() {
    let cluster = Cluster::shared().await;
    let dj = Dj::live(&cluster.ingest).await;
    let (mut stays, mut goes) = (Socket::open(&cluster.nodes[0]).await, Socket::open(&cluster.nodes[1]).await);
    stays.subscribe(&dj.session).await;
    goes.subscribe(&dj.session).await;
    counted(&mut stays, &dj.session, 2).await;
    let left = std::time::Instant::now();
    let cookie = goes.cookie.clone();
    goes.vanish();
    counted(&mut stays, &dj.session, 1).await;
    assert!(left.elapsed() >= std::time::Duration::from_secs(2), "fell after {:?}", left.elapsed());
    let mut back = Socket::open_as(&cluster.nodes[0], cookie.as_deref()).await;
    back.subscribe(&dj.session).await;
    counted(&mut stays, &dj.session, 2).await;
}

#[tokio::test]
async fn a_killed_nodes_people_leave_and_the_livings_stay() {
    let cluster = Cluster::shared().await;
    let dj = Dj::live(&cluster.ingest).await;
    let mut stays = Socket::open(&cluster.nodes[0]).await;
    stays.subscribe(&dj.session).await;
    let mut doomed = cluster.node(&[]).await;
    let mut lost = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&doomed).await;
        socket.subscribe(&dj.session).await;
        lost.push(socket);
    }
    counted(&mut stays, &dj.session, 4).await;
    doomed.kill().await;
    counted(&mut stays, &dj.session, 1).await;
    // Whoever lives reports often enough to be counted all the time.
    let mut friend = Socket::open(&cluster.nodes[1]).await;
    friend.subscribe(&dj.session).await;
    counted(&mut stays, &dj.session, 2).await;
    let heard = stays.drain().await;
    assert!(heard.iter().all(|m| m["type"] != "LISTENER_COUNT" || m["count"] == json!(2)), "{heard:?}");
}
