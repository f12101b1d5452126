//! Announcements that change hands or are taken back at a bad moment.

use std::sync::atomic::Ordering;

use super::*;

#[tokio::test]
async fn what_an_outage_of_the_store_interrupted_is_gone_on_with() {
    let world = World::with(|config| config.hold = Duration::from_millis(600)).await;
    let (told, untold) = (world.subscribed("told").await, world.subscribed("untold").await);
    world.service.script("untold", &[Reply::After(429, 60)]);
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    assert_eq!((world.heard(&told, 1).await.len(), world.heard(&untold, 1).await.len()), (1, 1));
    world.moody.away.store(true, Ordering::SeqCst);
    // The claim runs out, and another worker has it for a moment.
    until("the end of the claim", async || {
        let now = Millis::now();
        let claim = world.store.claim_push(&key(7), "another", now, now.plus(900)).await.unwrap();
        (claim == Claim::Ours).then_some(())
    })
    .await;
    world.moody.away.store(false, Ordering::SeqCst);
    world.done(7).await;
    assert_eq!(world.service.parcels("untold").len(), 2, "it is still to be told");
    assert_eq!(world.service.parcels("told").len(), 1, "the store may not know, but the one who pushed does");
}

#[tokio::test]
async fn a_session_that_is_given_up_is_left_to_its_next_owner_at_once() {
    let world = World::new().await;
    let phone = world.subscribed("phone").await;
    world.service.script("phone", &[Reply::After(429, 60)]);
    let (before, after) = (world.dispatcher(), world.dispatcher());
    before.dispatcher.push(announcement(7));
    assert_eq!(world.heard(&phone, 1).await.len(), 1);
    before.dispatcher.leave(&friday());
    after.dispatcher.push(announcement(7));
    world.done(7).await;
    assert_eq!(world.service.parcels("phone").len(), 2);
    // It may come back, too.
    before.dispatcher.push(announcement(8));
    before.dispatcher.leave(&friday());
    before.dispatcher.push(announcement(8));
    world.done(8).await;
    assert_eq!(world.service.parcels("phone").len(), 3);
}

#[tokio::test]
async fn the_next_announcement_goes_out_when_the_one_before_has_ended() {
    let world = World::new().await;
    let (slow, quick) = (world.subscribed("slow").await, world.subscribed("quick").await);
    world.service.script("slow", &[Reply::Held]);
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    assert_eq!((world.heard(&slow, 1).await.len(), world.heard(&quick, 1).await.len()), (1, 1));
    running.dispatcher.push(announcement(8));
    // Nothing tells that nothing happens; a request on this machine takes a millisecond.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.service.parcels("quick").len(), 1, "the one before is still under way, and could replace it");
    world.service.open_gate();
    world.done(8).await;
    for phone in [&slow, &quick] {
        assert_eq!(world.heard(phone, 2).await, ["Announcement 7", "Announcement 8"]);
    }
}

#[tokio::test]
async fn what_is_taken_back_goes_to_nobody_whose_turn_it_is_in_the_same_moment() {
    let world = World::new().await;
    for n in 0..20 {
        world.subscribed(&format!("phone-{n}")).await;
    }
    let closed = world.moody.gate.write().await;
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    until("a claim", async || {
        let claim = world.store.claim_push(&key(7), "a story", Millis(1), Millis(1)).await.unwrap();
        matches!(claim, Claim::Held(until) if until > Millis(1)).then_some(())
    })
    .await;
    running.dispatcher.withdraw(&friday(), 8);
    drop(closed);
    world.done(7).await;
    assert_eq!((0..20).map(|n| world.service.parcels(&format!("phone-{n}")).len()).sum::<usize>(), 0);
}

#[tokio::test]
async fn a_browser_that_has_enough_holds_up_nobody_elses() {
    let world = World::new().await;
    let full = world.subscribed("full").await;
    world.service.script("full", &[Reply::After(429, 600); 2]);
    let running = world.dispatcher();
    running.dispatcher.push(announcement(7));
    assert_eq!(world.heard(&full, 1).await.len(), 1);
    let phone = world.subscribed("phone").await;
    running.dispatcher.push(announcement(8));
    assert_eq!(world.heard(&phone, 1).await, ["Announcement 8"]);
}

#[tokio::test]
async fn no_word_is_lost_however_many_there_are() {
    let world = World::new().await;
    let phone = world.subscribed("phone").await;
    let (dispatcher, running) = Dispatcher::new(world.push.clone(), world.stop.child_token());
    for n in 0..10_000 {
        dispatcher.withdraw(&moody::session(n), 1);
    }
    dispatcher.push(announcement(7));
    tokio::spawn(running);
    assert_eq!(world.heard(&phone, 1).await, ["Announcement 7"]);
}

#[tokio::test]
async fn a_defect_costs_one_try_and_not_the_session() {
    let world = World::with(|config| config.hold = Duration::from_millis(600)).await;
    let phone = world.subscribed("phone").await;
    world.moody.broken.store(true, Ordering::SeqCst);
    let running = world.dispatcher();
    until("the push after a defect", async || {
        running.dispatcher.push(announcement(7));
        (!world.service.parcels("phone").is_empty()).then_some(())
    })
    .await;
    assert_eq!(world.heard(&phone, 1).await, ["Announcement 7"]);
}

#[tokio::test]
async fn a_page_that_knows_nothing_of_before_changes_nothing_of_it() {
    let world = World::new().await;
    let (phone, person) = (world.service.browser("phone"), PersonId::random());
    let old = world.push.public_key().unwrap().to_owned();
    let asked = Wanted { quiet: Some(true), ..wanted(&phone) };
    let kept = world.push.subscribe(person, asked, Millis::now()).await.unwrap();
    assert_eq!((&kept.key, kept.quiet), (&old, true));
    let again = world.push.subscribe(person, wanted(&phone), Millis::now()).await.unwrap();
    assert!(again.quiet, "its person's choice");
    let lent = world.push.subscribe(PersonId::random(), wanted(&phone), Millis::now()).await.unwrap();
    assert!(!lent.quiet, "another person's choice");

    let replaced = Keys::parse(&push::new_key().unwrap()).unwrap();
    let services = Services::parse(std::slice::from_ref(&world.service.origin)).unwrap();
    let stores = Stores { subscriptions: world.store.clone(), pushes: world.store.clone() };
    let push = Push::new(Config { services, ..Config::default() }, replaced, stores).unwrap();
    let later = push.subscribe(person, wanted(&phone), Millis::now()).await.unwrap();
    assert_eq!(later.key, old, "the browser is bound to the key that it was given");
    let named = Wanted { key: push.public_key().map(str::to_owned), ..wanted(&phone) };
    let renewed = push.subscribe(person, named, Millis::now()).await.unwrap();
    assert_eq!(Some(renewed.key.as_str()), push.public_key());
}
