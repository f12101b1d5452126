//! Announcements that reach closed pages: real workers, a push service that is scripted, browsers that can read what it was given.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cluster::IMPATIENT;
use crate::push_service::{Browser, PushService, Reply, signed};
use crate::support::{Dj, Nats, Pika, Role, Socket, http, until};

/// A browser at this session, whose page was here and is closed now.
async fn subscribed(api: &Pika, service: &PushService, name: &str, session: &str) -> Browser {
    let browser = service.browser(name);
    let cookie = http().get(format!("{}/", api.url)).send().await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
    let body = json!({"endpoint": browser.endpoint, "keys": {"p256dh": browser.p256dh(), "auth": browser.auth()}, "sessionId": session});
    let asked = http().post(format!("{}/api/push/subscribe", api.url)).header("cookie", cookie.split(';').next().unwrap()).json(&body);
    // A session is on when the api has heard of it.
    until("a subscription", async || {
        let answer = asked.try_clone().unwrap().send().await.unwrap();
        (answer.status() == 201).then_some(())
    })
    .await;
    browser
}

async fn heard(service: &PushService, browser: &Browser, pushes: usize) -> Vec<Value> {
    let parcels = until("a push", async || Some(service.parcels(&browser.name)).filter(|all| all.len() >= pushes)).await;
    parcels.iter().map(|parcel| browser.read(parcel, &service.origin)).collect()
}

fn announce(message: &str, push: bool) -> Value {
    json!({"type": "SEND_ANNOUNCEMENT", "message": message, "durationSeconds": 600, "push": push})
}

fn services(service: &PushService) -> String {
    format!("[\"{}\"]", service.origin)
}

#[tokio::test]
async fn an_announcement_reaches_a_dancer_whose_page_is_closed() {
    let service = PushService::start().await;
    let pika = Pika::dev_with(&[("PIKA_PUSH_SERVICES", &services(&service))]).await;
    let mut dj = Dj::live(&pika).await;
    let mut other = Dj::live_as(&pika, "DJ Other").await;
    let phone = subscribed(&pika, &service, "phone", &dj.session).await;
    other.publish_ok(announce("Not for this floor", true)).await;
    dj.publish_ok(announce("Only for open pages", false)).await;
    let seq = dj.publish_ok(announce("Social at ten", true)).await;
    let said = heard(&service, &phone, 1).await;
    assert_eq!((&said[0]["message"], &said[0]["seq"], &said[0]["djName"]), (&json!("Social at ten"), &json!(seq), &json!("DJ Test")));
    assert_eq!(said[0]["sessionId"], dj.session);

    // As programs of 0.3.0 ask for it; open pages hear it too.
    let mut dancer = Socket::open(&pika).await;
    dancer.subscribe(&dj.session).await;
    let send = |token: &str, session: &str| {
        let body = json!({"sessionId": session, "message": "Last song"});
        http().post(format!("{}/api/push/send", pika.url)).bearer_auth(token).json(&body).send()
    };
    assert_eq!(send("pk_own_nobody", &dj.session).await.unwrap().status(), 401);
    assert_eq!(send(&other.owner_token, &dj.session).await.unwrap().status(), 401, "another session's token");
    let sent: Value = send(&dj.owner_token, &dj.session).await.unwrap().json().await.unwrap();
    assert_eq!(sent["success"], true);
    dancer.wait("the announcement", |m| m["type"] == "ANNOUNCEMENT_RECEIVED" && m["message"] == "Last song").await;
    let said = heard(&service, &phone, 2).await;
    assert_eq!((&said[1]["message"], &said[1]["seq"]), (&json!("Last song"), &sent["seq"]));
    for _ in 0..9 {
        assert_eq!(send(&dj.owner_token, &dj.session).await.unwrap().status(), 200);
    }
    assert_eq!(send(&dj.owner_token, &dj.session).await.unwrap().status(), 429, "the eleventh in a minute");
}

#[tokio::test]
async fn a_browser_that_is_gone_is_counted_and_forgotten() {
    let service = PushService::start().await;
    let pika = Pika::dev_with(&[("PIKA_PUSH_SERVICES", &services(&service))]).await;
    let mut dj = Dj::live(&pika).await;
    let (gone, here) = (subscribed(&pika, &service, "gone", &dj.session).await, subscribed(&pika, &service, "here", &dj.session).await);
    service.script("gone", &[Reply::Status(410)]);
    for (n, words) in ["One", "Two"].into_iter().enumerate() {
        dj.publish_ok(announce(words, true)).await;
        heard(&service, &here, n + 1).await;
        until("the end of it", async || (pika.metric("pika_push_announcements_total", "pushed").await == (n + 1) as f64).then_some(()))
            .await;
    }
    assert_eq!(service.parcels(&gone.name).len(), 1);
    assert_eq!(pika.metric("pika_pushes_total", "outcome=\"gone\"").await, 1.0);
    assert_eq!(pika.metric("pika_pushes_total", "outcome=\"accepted\"").await, 2.0);
}

#[tokio::test]
async fn a_killed_workers_announcement_is_pushed_by_another_and_to_nobody_who_was_told() {
    let service = PushService::start().await;
    let (data, nats) = (Arc::new(tempfile::tempdir().unwrap()), Nats::start().await);
    let allowed = services(&service);
    let settings = [&IMPATIENT[..], &[("PIKA_PUSH_SERVICES", allowed.as_str())]].concat();
    let role = |role| Pika::role(role, &nats, &data, &settings);
    let mut workers = [role(Role::Workers).await, role(Role::Workers).await];
    let (ingest, api) = tokio::join!(role(Role::Ingest), role(Role::Api));
    for part in workers.iter().chain([&ingest, &api]) {
        part.ready().await;
    }
    for worker in &workers {
        until("half of the partitions", async || (worker.metric("pika_partitions_owned", "").await == 32.0).then_some(())).await;
    }
    let mut dj = Dj::live(&ingest).await;
    let told = subscribed(&api, &service, "told", &dj.session).await;
    let mut untold = Vec::new();
    for n in 0..4 {
        let name = format!("untold-{n}");
        service.script(&name, &[Reply::Held]);
        untold.push(subscribed(&api, &service, &name, &dj.session).await);
    }
    dj.publish_ok(announce("The bar closes", true)).await;
    let by = until("the worker that pushes", async || {
        for (n, worker) in workers.iter().enumerate() {
            if worker.metric("pika_pushes_total", "outcome=\"accepted\"").await == 1.0 {
                return Some(n);
            }
        }
        None
    })
    .await;
    workers[by].kill().await;
    // What was under way when it died may or may not have arrived, so it comes once more, and says that it is the same.
    for browser in &untold {
        let said = heard(&service, browser, 2).await;
        assert_eq!((said.len(), &said[0]["seq"]), (2, &said[1]["seq"]));
    }
    let other = &workers[1 - by];
    until("the end of it", async || (other.metric("pika_push_announcements_total", "pushed").await == 1.0).then_some(())).await;
    // The one that was killed comes back, takes partitions, and finds it done.
    workers[by].restart().await;
    workers[by].ready().await;
    until("half of the partitions", async || (workers[by].metric("pika_partitions_owned", "").await == 32.0).then_some(())).await;
    dj.publish_ok(announce("Good night", true)).await;
    let said = heard(&service, &told, 2).await;
    let words: Vec<_> = said.iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(words, ["The bar closes", "Good night"], "whoever was told is told once");
    for browser in &untold {
        assert_eq!(heard(&service, browser, 3).await.len(), 3);
    }
}

#[tokio::test]
async fn a_new_key_is_brought_in_while_browsers_of_the_old_one_live_on() {
    let service = PushService::start().await;
    let keys = tempfile::NamedTempFile::new().unwrap();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let nats = Nats::start().await;
    let new_key = || async { Pika::tool(&["push-key"], &nats, &dir).await };
    let (old, new) = (new_key().await, new_key().await);
    let public = |key: &str| key.split(':').next().unwrap().to_owned();
    std::fs::write(keys.path(), format!("{old}\n")).unwrap();
    let path = keys.path().to_str().unwrap();
    let mut pika = Pika::dev_with(&[("PIKA_PUSH_SERVICES", &services(&service)), ("PIKA_PUSH_KEYS_FILE", path)]).await;
    let mut dj = Dj::live(&pika).await;
    assert_eq!(pika.get("/api/push/key").await.1["publicKey"], public(&old));
    let before = subscribed(&pika, &service, "before", &dj.session).await;
    std::fs::write(keys.path(), format!("{new}\n{old}\n")).unwrap();
    assert!(pika.terminate().await);
    pika.restart().await;
    pika.ready().await;
    assert_eq!(pika.get("/api/push/key").await.1["publicKey"], public(&new));
    let after = subscribed(&pika, &service, "after", &dj.session).await;
    dj.publish_ok(announce("Two keys", true)).await;
    for (browser, key) in [(before, public(&old)), (after, public(&new))] {
        heard(&service, &browser, 1).await;
        assert_eq!(signed(service.parcels(&browser.name)[0].headers["authorization"].to_str().unwrap()).0, key);
    }
}
