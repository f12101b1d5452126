//! Dancers who come and go, and a DJ whose connection breaks.

use schemas::fact::{EndReason, Fact};
use schemas::note::Present;
use schemas::state::State;
use schemas::view::Status;
use workers::Config;

use super::support::*;

fn dj() -> Present {
    Present::Dj(person(99))
}

#[tokio::test]
async fn listeners_are_people_and_their_peak_is_kept() {
    let world = World::new().await;
    let evening = Evening::begin(&world).await;
    let config = Config { peak_pace: std::time::Duration::from_millis(300), ..Config::default() };
    let worker = world.worker(&evening.session, config).await;
    let (broker, session, store) = (&evening.broker, &evening.session, &world.store);
    until("twelve listeners", || async {
        for who in 0..12 {
            evening.present(Present::Dancer(person(who)), true).await;
        }
        let states = broker.states(session).await.ok()?;
        states.iter().any(|state| matches!(state, State::Listeners { count: 12, .. })).then_some(())
    })
    .await;
    until("the peak", || async { store.run(session).await.ok()?.filter(|run| run.peak_listeners == 12) }).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_dj_who_comes_back_in_time_goes_on() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config { grace: std::time::Duration::from_secs(60), ..hasty() }).await;
    evening.present(dj(), true).await;
    let seq = evening.play(1).await;
    evening.folded(&world, seq).await;
    evening.present(dj(), true).await;
    evening.present(dj(), false).await;
    evening.hear("away").await;
    assert!(matches!(evening.view.run.as_ref().unwrap().status, Status::Away { .. }));
    evening.present(dj(), true).await;
    evening.hear("back").await;
    assert_eq!(evening.view.run.as_ref().unwrap().status, Status::Live);
    worker.stop().await;
}

#[tokio::test]
async fn a_dj_who_never_comes_back_after_everything_restarted_ends_the_evening() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, hasty()).await;
    let away = evening.hear("away").await;
    let ended = evening.hear("ended").await;
    assert!(matches!(ended.record.fact, Fact::Ended { reason: EndReason::Grace, .. }));
    let Fact::Away { since } = away.record.fact else { panic!("{away:?}") };
    assert!(ended.record.at.since(since) > 1000, "the grace period was kept");
    let (store, session) = (&world.store, &evening.session);
    until("the end in the store", || async { store.run(session).await.ok()?.and_then(|run| run.ended) }).await;
    worker.stop().await;
}
