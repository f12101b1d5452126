//! Announcements on their way: a dispatcher over a real file, and a push service that is scripted. Each test is a story.
#![allow(clippy::unwrap_used)]

mod hands;
mod moody;
mod service;

use std::sync::Arc;
use std::time::{Duration, Instant};

use moody::Moody;
use push::{Announcement, Config, Dispatcher, Keys, Push, PushError, Services, Stores, Wanted};
use schemas::{Millis, PersonId, Seq, SessionId};
use service::{Browser, PushService, Reply};
use store::sqlite::Sqlite;
use store::{Claim, PushKey, Pushes, Subscriptions};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(15);

struct World {
    service: PushService,
    store: Arc<Sqlite>,
    /// What the dispatchers know of the store.
    moody: Arc<Moody>,
    push: Push,
    stop: CancellationToken,
    _dir: tempfile::TempDir,
}

/// A dispatcher that runs until the story ends, or is stopped.
struct Running {
    dispatcher: Dispatcher,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn friday() -> SessionId {
    SessionId::parse("friday-night").unwrap()
}

fn key(seq: Seq) -> PushKey {
    PushKey { session: friday(), seq }
}

fn announcement(seq: Seq) -> Announcement {
    let message = format!("Announcement {seq}");
    let at = Millis::now();
    Announcement { key: key(seq), dj_name: "DJ Ana".to_owned(), message, at, ends_at: Some(at.plus(600_000)) }
}

/// What a page says that knows nothing of before.
fn wanted(browser: &Browser) -> Wanted {
    let (endpoint, p256dh, auth) = (browser.endpoint.clone(), browser.p256dh(), browser.auth());
    Wanted { endpoint, p256dh, auth, key: None, sessions: vec![friday()], quiet: None }
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl World {
    async fn new() -> World {
        World::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> World {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(&dir.path().join("pika.db")).unwrap());
        let service = PushService::start().await;
        let services = Services::parse(std::slice::from_ref(&service.origin)).unwrap();
        let mut config = Config { services, contact: "mailto:floor@example.org".to_owned(), ..Config::default() };
        change(&mut config);
        let moody = Arc::new(Moody::over(store.clone()));
        let stores = Stores { subscriptions: store.clone(), pushes: moody.clone() };
        let push = Push::new(config, Keys::parse(&push::new_key().unwrap()).unwrap(), stores).unwrap();
        World { service, store, moody, push, stop: CancellationToken::new(), _dir: dir }
    }

    fn dispatcher(&self) -> Running {
        let stop = self.stop.child_token();
        let (dispatcher, running) = Dispatcher::new(self.push.clone(), stop.clone());
        Running { dispatcher, stop, task: tokio::spawn(running) }
    }

    async fn subscribed(&self, name: &str) -> Browser {
        self.subscribed_as(name, PersonId::random(), false).await
    }

    async fn subscribed_as(&self, name: &str, person: PersonId, quiet: bool) -> Browser {
        let browser = self.service.browser(name);
        let wanted = Wanted { quiet: Some(quiet), ..wanted(&browser) };
        self.push.subscribe(person, wanted, Millis::now()).await.unwrap();
        browser
    }

    /// What the browser read, once there is so much of it.
    async fn heard(&self, browser: &Browser, pushes: usize) -> Vec<String> {
        let parcels = until("a push", async || Some(self.service.parcels(&browser.name)).filter(|all| all.len() >= pushes)).await;
        parcels.iter().map(|parcel| browser.read(parcel, &self.service.origin)["message"].as_str().unwrap().to_owned()).collect()
    }

    async fn done(&self, seq: Seq) {
        self.ended(&key(seq)).await;
    }

    async fn ended(&self, key: &PushKey) {
        // Long before any claim ends, so that it takes none but one that was given back, and that not for long.
        let now = Millis(1);
        let ask = async || {
            let claim = self.store.claim_push(key, "a story", now, now).await.unwrap();
            (claim == Claim::Done).then_some(())
        };
        until("the end of a dispatch", ask).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_browser_reads_what_was_announced_and_nobody_else_can() {
    let world = World::new().await;
    let phone = world.subscribed("phone").await;
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    world.done(7).await;
    let parcels = world.service.parcels("phone");
    assert_eq!(parcels.len(), 1);
    let said = phone.read(&parcels[0], &world.service.origin);
    assert_eq!((&said["type"], &said["sessionId"], &said["djName"]), (&"announcement".into(), &"friday-night".into(), &"DJ Ana".into()));
    assert_eq!((&said["message"], &said["seq"]), (&"Announcement 7".into(), &7.into()));
    let ttl: u64 = parcels[0].headers["ttl"].to_str().unwrap().parse().unwrap();
    assert!((590..=600).contains(&ttl), "the service may keep it as long as it stands: {ttl}");
    assert_eq!(service::signed(parcels[0].headers["authorization"].to_str().unwrap()).0, world.push.public_key().unwrap());
}

#[tokio::test]
async fn of_two_workers_one_pushes_and_what_was_pushed_is_not_pushed_again() {
    let world = World::new().await;
    let phones = [world.subscribed("one").await, world.subscribed("two").await];
    let (here, there) = (world.dispatcher(), world.dispatcher());
    for running in [&here, &there, &here] {
        running.dispatcher.push(announcement(7));
    }
    world.done(7).await;
    there.dispatcher.push(announcement(7));
    here.dispatcher.push(announcement(8));
    world.done(8).await;
    for phone in &phones {
        assert_eq!(world.heard(phone, 2).await, ["Announcement 7", "Announcement 8"]);
    }
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten() {
    let world = World::new().await;
    let (left, here) = (world.subscribed("left").await, world.subscribed("here").await);
    world.service.script("left", &[Reply::Status(410)]);
    let running = world.dispatcher();
    for seq in [7, 8] {
        running.dispatcher.push(announcement(seq));
        world.done(seq).await;
    }
    assert_eq!(world.heard(&here, 2).await.len(), 2);
    assert_eq!(world.service.parcels("left").len(), 1, "it is pushed to although it is gone");
    let following: Vec<_> = world.store.followers(&friday(), Millis::now(), 9).await.unwrap().into_iter().map(|one| one.endpoint).collect();
    assert_eq!(following, [here.endpoint.as_str()]);
    assert!(matches!(world.push.unsubscribe(None, &left.endpoint, Some(&left.auth()), None).await, Err(PushError::NotFound)));
}

#[tokio::test]
async fn a_service_that_says_wait_is_left_alone_for_that_long() {
    let world = World::new().await;
    let phone = world.subscribed("phone").await;
    world.service.script("phone", &[Reply::After(429, 1), Reply::After(503, 1)]);
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    world.done(7).await;
    assert_eq!(world.heard(&phone, 3).await.len(), 3);
    let times: Vec<Instant> = world.service.parcels("phone").iter().map(|parcel| parcel.at).collect();
    for pair in times.windows(2) {
        let waited = pair[1] - pair[0];
        assert!(waited >= Duration::from_secs(1), "asked again after {waited:?}");
    }
}

#[tokio::test]
async fn a_service_that_fails_is_tried_a_few_times_and_then_given_up() {
    let world = World::with(|config| config.tries = 2).await;
    let phone = world.subscribed("phone").await;
    world.service.script("phone", &[Reply::Status(500); 9]);
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    world.done(7).await;
    assert_eq!(world.service.parcels(&phone.name).len(), 2);
}

#[tokio::test]
async fn one_who_refuses_is_not_asked_again() {
    let world = World::new().await;
    let _phone = world.subscribed("phone").await;
    world.service.script("phone", &[Reply::Status(403)]);
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    world.done(7).await;
    assert_eq!(world.service.parcels("phone").len(), 1);
    assert_eq!(
        world.store.followers(&friday(), Millis::now(), 9).await.unwrap().len(),
        1,
        "a key that was mixed up would lose every browser"
    );
}

#[tokio::test]
async fn what_is_too_old_is_not_pushed() {
    let world = World::with(|config| config.late = Duration::from_secs(60)).await;
    let phone = world.service.browser("phone");
    let sessions = ["long-ago-night", "over-night", "this-night"].map(|name| SessionId::parse(name).unwrap());
    let wanted = Wanted { sessions: sessions.to_vec(), ..wanted(&phone) };
    world.push.subscribe(PersonId::random(), wanted, Millis::now()).await.unwrap();
    let running = world.dispatcher();
    let now = Millis::now();
    let [long_ago, over, just_now] = sessions.map(|session| Announcement { key: PushKey { session, seq: 7 }, ..announcement(7) });
    // They are begun in one go, and the last is done only after a request and several writes.
    running.dispatcher.push(Announcement { at: now.plus(-61_000), message: "Long ago".to_owned(), ..long_ago.clone() });
    running.dispatcher.push(Announcement { ends_at: Some(now.plus(-1)), message: "Over".to_owned(), ..over.clone() });
    running.dispatcher.push(just_now.clone());
    world.ended(&just_now.key).await;
    assert_eq!(world.heard(&phone, 1).await, ["Announcement 7"]);
    for key in [long_ago.key, over.key] {
        assert_eq!(world.store.claim_push(&key, "a story", now, now).await, Ok(Claim::Ours), "nobody ever claimed {key:?}");
    }
}

#[tokio::test]
async fn an_announcement_that_is_taken_back_goes_to_nobody_else() {
    let world = World::new().await;
    let phone = world.subscribed("phone").await;
    world.service.script("phone", &[Reply::After(429, 5)]);
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    assert_eq!(world.heard(&phone, 1).await.len(), 1);
    running.dispatcher.withdraw(&friday(), 8);
    world.done(7).await;
    assert_eq!(world.service.parcels("phone").len(), 1);
}

#[tokio::test]
async fn a_worker_that_stops_gives_its_claim_back_and_the_next_one_goes_on() {
    let world = World::new().await;
    let (told, untold) = (world.subscribed("told").await, world.subscribed("untold").await);
    world.service.script("untold", &[Reply::After(429, 2)]);
    let first = world.dispatcher();
    first.dispatcher.push(announcement(7));
    assert_eq!((world.heard(&told, 1).await.len(), world.heard(&untold, 1).await.len()), (1, 1));
    until("what is told is kept", async || (!world.store.told(&key(7)).await.unwrap().is_empty()).then_some(())).await;
    first.stop.cancel();
    first.task.await.unwrap();
    let second = world.dispatcher();
    second.dispatcher.push(announcement(7));
    world.done(7).await;
    assert_eq!(world.heard(&untold, 2).await, ["Announcement 7", "Announcement 7"]);
    assert_eq!(world.service.parcels("told").len(), 1, "it was told by the first");
}

#[tokio::test]
async fn a_worker_that_dies_between_claim_and_push_is_followed_by_another() {
    let world = World::with(|config| config.hold = Duration::from_millis(600)).await;
    let phone = world.subscribed("phone").await;
    let now = Millis::now();
    // It claimed, and was killed before it asked anybody.
    assert_eq!(world.store.claim_push(&key(7), "killed", now, now.plus(600)).await, Ok(Claim::Ours));
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    assert_eq!(world.heard(&phone, 1).await, ["Announcement 7"]);
    assert!(Millis::now() >= now.plus(600), "it was taken while it was another's");
    world.done(7).await;
}

#[tokio::test]
async fn who_wants_quiet_has_it() {
    let world = World::new().await;
    let _quiet = world.subscribed_as("quiet", PersonId::random(), true).await;
    let (loud, person) = (world.service.browser("later"), PersonId::random());
    let later = world.subscribed_as("later", person, false).await;
    assert_eq!(loud.endpoint, later.endpoint);
    let phone = world.subscribed("phone").await;
    world.store.hush(person, true).await.unwrap();
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    world.done(7).await;
    assert_eq!(world.heard(&phone, 1).await.len(), 1);
    assert_eq!((world.service.parcels("quiet").len(), world.service.parcels("later").len()), (0, 0));
}

#[tokio::test]
async fn a_slow_service_holds_up_nobody_elses() {
    let world = World::with(|config| config.requests_each = 2).await;
    let other = PushService::start().await;
    let both = Services::parse(&[world.service.origin.clone(), other.origin.clone()]).unwrap();
    let config = Config { services: both, requests_each: 2, contact: "mailto:floor@example.org".to_owned(), ..Config::default() };
    let stores = Stores { subscriptions: world.store.clone(), pushes: world.store.clone() };
    let push = Push::new(config, Keys::parse(&push::new_key().unwrap()).unwrap(), stores).unwrap();
    let subscribe = async |service: &PushService, name: String| {
        let browser = service.browser(&name);
        push.subscribe(PersonId::random(), wanted(&browser), Millis::now()).await.unwrap();
    };
    for n in 0..6 {
        world.service.script(&format!("slow-{n}"), &[Reply::Held]);
        subscribe(&world.service, format!("slow-{n}")).await;
        subscribe(&other, format!("quick-{n}")).await;
    }
    let (dispatcher, running) = Dispatcher::new(push, world.stop.child_token());
    tokio::spawn(running);
    dispatcher.push(announcement(7));
    for n in 0..6 {
        until("the quick one's", async || (other.parcels(&format!("quick-{n}")).len() == 1).then_some(())).await;
    }
    let asked = || (0..6).map(|n| world.service.parcels(&format!("slow-{n}")).len()).sum::<usize>();
    until("the slow one's", async || (asked() >= 2).then_some(())).await;
    assert_eq!(asked(), 2, "a service is asked by two at a time");
    until("all of them", async || {
        world.service.open_gate();
        ((0..6).all(|n| !world.service.parcels(&format!("slow-{n}")).is_empty())).then_some(())
    })
    .await;
}
