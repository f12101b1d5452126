//! Evenings that were kept long enough go, and no other.

use std::sync::Arc;
use std::time::Duration;

use schemas::claim::Claim;
use schemas::fact::{EndReason, Fact, Owner};
use schemas::{Seq, SessionId};
use store::contract::sample::{self, EVENING, ended, pos};
use store::{Changes, Live};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workers::Config;

use crate::support::{Evening, World, track, until};

/// A process of workers that looks again and again.
fn sweeping(
    world: &World,
    broker: nats::Broker,
    evenings: Option<Duration>,
) -> (CancellationToken, JoinHandle<Result<(), workers::Error>>) {
    let stop = CancellationToken::new();
    let config = Config { evenings, sweep: Duration::from_millis(100), ..Config::default() };
    let (store, past) = (world.store.clone(), world.past.clone());
    (stop.clone(), tokio::spawn(workers::run(config, broker, store, past, Arc::new(workers::Nobody), stop)))
}

/// An evening of long ago, of which the log tells nothing any more.
async fn of_long_ago(world: &World, session: &SessionId, begin: Seq, persons: u8) {
    let mut changes = sample::evening(session, begin, pos(begin));
    changes.runs = changes.runs.into_iter().map(|run| ended(run, EVENING)).collect();
    let likes = changes.plays.iter().flat_map(|play| (1..=persons).map(|who| sample::like(play, sample::person(who), pos(begin))));
    changes.likes = likes.collect();
    // Where the fold stands is not touched.
    world.store.save(&Changes { upto: pos(0), ..changes }).await.unwrap();
}

async fn gone(store: &Arc<dyn Live>, session: &SessionId, begin: Seq) {
    until("an evening to go", async || store.load_run(session, begin).await.unwrap().is_none().then_some(())).await;
}

#[tokio::test]
async fn an_evening_goes_when_the_log_has_let_go_of_it_and_one_that_is_on_stays() {
    let world = World::new().await;
    let mut over = Evening::begin(&world).await;
    let mut on = Evening::begin(&world).await;
    for evening in [&mut over, &mut on] {
        evening.play(1).await;
    }
    let begin = over.view.live().unwrap().begin;
    over.claim(1, Claim::Like { track: track(1).key() }).await;
    let owner = Owner::Dj { id: "dj-1".into() };
    let end = Fact::Ended { reason: EndReason::Ended, begin, owner, dj_name: "DJ One".into() };
    let seq = over.say(end, &[]).await;

    // Beside it in the same partition, so that it is known when a look was taken.
    let beside = |session: &SessionId| session.partition() == over.session.partition();
    let old = std::iter::repeat_with(SessionId::random).find(beside).unwrap();
    let (stop, run) = sweeping(&world, world.broker().await, Some(Duration::ZERO));
    over.folded(&world, seq).await;
    for begin in [10, 500] {
        of_long_ago(&world, &old, begin, 2).await;
        gone(&world.store, &old, begin).await;
    }
    let kept = world.store.load_run(&over.session, begin).await.unwrap().expect("an evening went of which the log still tells");
    assert_eq!((kept.plays.len(), kept.likes.len(), kept.run.ended.is_some()), (1, 1, true));

    let _forgetful = world.broker_keeping(Duration::from_secs(1)).await;
    gone(&world.store, &over.session, begin).await;
    until("nothing to be left", async || world.past.leaving(old.partition()).await.unwrap().is_empty().then_some(())).await;
    let still_on = world.store.load(&on.session).await.unwrap().expect("an evening went that is on");
    assert!(still_on.run.ended.is_none() && still_on.plays.len() == 1);
    stop.cancel();
    run.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_one_worker_began_to_remove_the_next_one_completes() {
    let world = World::new().await;
    let session = SessionId::random();
    let broker = world.broker().await;
    of_long_ago(&world, &session, 10, 250).await;
    let leaving = async || world.past.leaving(session.partition()).await.unwrap().len();
    let (_, run) = sweeping(&world, broker.clone(), Some(Duration::ZERO));
    gone(&world.store, &session, 10).await;
    // As good as `kill -9`, in whatever step it is: seven hundred and fifty likes take more than one.
    run.abort();
    assert!(run.await.is_err());
    assert_eq!(leaving().await, 1, "it was removed before its worker died");
    // Evenings are kept for ever now; one that is half removed is completed all the same.
    let (stop, run) = sweeping(&world, broker, None);
    until("the rest to go", async || (leaving().await == 0).then_some(())).await;
    assert_eq!(world.store.person_likes(sample::person(1), 9).await, Ok((vec![], 0)));
    assert_eq!(world.store.top_tracks(9).await, Ok(vec![]));
    stop.cancel();
    run.await.unwrap().unwrap();
}
