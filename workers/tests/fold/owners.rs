//! Owners who should not be two, a broker that dies, leases that change hands.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use schemas::claim::Claim;
use schemas::fact::Fact;
use schemas::state::State;
use tokio_util::sync::CancellationToken;
use workers::{Announcer, Config, Standing};

use super::support::*;

#[tokio::test]
async fn two_owners_by_mistake_do_no_harm() {
    two_owners(World::new().await).await;
}

#[tokio::test]
async fn two_owners_by_mistake_do_no_harm_on_cql() {
    two_owners(World::on_cql().await).await;
}

async fn two_owners(world: World) {
    let mut evening = Evening::begin(&world).await;
    let one = world.worker(&evening.session, Config::default()).await;
    evening.play(1).await;
    evening.open(1, Duration::from_secs(60), true).await;
    let key = track(1).key();
    let mut two = world.worker(&evening.session, Config::default()).await;
    for who in 0..60 {
        evening.claims(vec![(who, Claim::Like { track: key }), (who, Claim::Vote { poll: poll(1), option: who % 2 })]).await;
        if who % 20 == 10 {
            two.kill().await;
            two = world.worker(&evening.session, Config::default()).await;
        }
    }
    let seq = evening.owner_claims(Claim::ClosePoll { poll: poll(1) }).await;
    let closed = evening.hear("poll_closed").await;
    assert!(matches!(closed.record.fact, Fact::PollClosed { votes, .. } if votes == [30, 30, 0]));
    evening.folded(&world, seq).await;
    one.stop().await;
    two.stop().await;
    let facts = evening.broker.facts_after(&evening.session, 0, 1000).await.unwrap();
    assert_eq!(facts.iter().filter(|fact| fact.record.fact.kind() == "poll_closed").count(), 1, "the result is said once");
    let recap = world.store.recap(&evening.session).await.unwrap().unwrap();
    assert_eq!((recap.run.likes, recap.plays[0].likes, &recap.polls[0].votes), (60, 60, &vec![30, 30, 0]));
    let rows = world.store.load(&evening.session).await.unwrap().unwrap();
    assert_eq!((rows.likes.len(), rows.votes.len()), (60, 60));
}

#[tokio::test]
async fn a_broker_that_dies_takes_nothing_along_but_the_states_which_are_said_again() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    evening.open(1, Duration::from_secs(60), true).await;
    let seq = evening.claim(1, Claim::Vote { poll: poll(1), option: 2 }).await;
    evening.folded(&world, seq).await;
    let (broker, session) = (evening.broker.clone(), evening.session.clone());
    let tally = || async {
        let states = broker.states(&session).await.ok()?;
        states.into_iter().find_map(|state| match state {
            State::Tally { votes, .. } => Some(votes),
            State::Tempo { .. } | State::Listeners { .. } => None,
        })
    };
    assert_eq!(until("a tally", tally).await, [0, 0, 1]);
    world.kill_broker();
    assert_eq!(until("the tally again", tally).await, [0, 0, 1]);
    evening.owner_claims(Claim::ClosePoll { poll: poll(1) }).await;
    evening.hear("poll_closed").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_takes_its_share_and_gives_it_back() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    evening.open(1, Duration::from_secs(60), true).await;
    for (round, who) in [(1, 0u32), (2, 10)] {
        let stop = CancellationToken::new();
        let run = tokio::spawn(workers::run(
            Config::default(),
            world.broker().await,
            world.store.clone(),
            world.past.clone(),
            Arc::new(workers::Nobody),
            stop.clone(),
        ));
        let seq = evening.claims((who..who + 10).map(|who| (who, Claim::Vote { poll: poll(1), option: 0 })).collect()).await;
        evening.folded(&world, seq).await;
        stop.cancel();
        run.await.unwrap().unwrap();
        let poll = world.store.recap(&evening.session).await.unwrap().unwrap().polls[0].clone();
        assert_eq!(poll.votes, [10 * round, 0, 0]);
    }
}

#[tokio::test]
async fn while_the_store_is_away_polls_still_close_and_afterwards_all_is_saved() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    evening.open(1, Duration::from_secs(60), true).await;
    let seq = evening.claim(0, Claim::Vote { poll: poll(1), option: 0 }).await;
    evening.folded(&world, seq).await;
    let mut verdicts = evening.broker.verdicts(&node()).await.unwrap();
    let lock = world.lock_store();
    for who in 1..30 {
        evening.claim(who, Claim::Vote { poll: poll(1), option: 0 }).await;
    }
    let seq = evening.owner_claims(Claim::ClosePoll { poll: poll(1) }).await;
    let closed = evening.hear("poll_closed").await;
    assert!(matches!(closed.record.fact, Fact::PollClosed { votes, .. } if votes == [30, 0, 0]));
    assert!(world.store.position(evening.session.partition()).await.unwrap().unwrap().seq() < seq, "nothing was saved meanwhile");
    drop(lock);
    evening.folded(&world, closed.seq).await;
    assert_eq!(world.store.recap(&evening.session).await.unwrap().unwrap().polls[0].votes, [30, 0, 0]);
    let mut told = 0;
    while told < 29 {
        told += verdicts.next().await.unwrap().0.list.len();
    }
    worker.stop().await;
}

#[tokio::test]
async fn when_a_worker_dies_another_folds_on() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    evening.open(1, Duration::from_secs(60), true).await;
    let stop = CancellationToken::new();
    let run = |broker| {
        let (store, past) = (world.store.clone(), world.past.clone());
        tokio::spawn(workers::run(Config::default(), broker, store, past, Arc::new(workers::Nobody), stop.clone()))
    };
    let mut one = run(world.broker().await);
    let seq = evening.claim(1, Claim::Vote { poll: poll(1), option: 0 }).await;
    evening.folded(&world, seq).await;
    let two = run(world.broker().await);
    // Whichever owns the partition by now: both die once, and are replaced.
    for who in 2..4 {
        one.abort();
        assert!(one.await.is_err());
        let died = std::time::Instant::now();
        let seq = evening.claim(who, Claim::Vote { poll: poll(1), option: 0 }).await;
        evening.folded(&world, seq).await;
        assert!(died.elapsed() < Duration::from_secs(6), "served again after {:?}", died.elapsed());
        one = run(world.broker().await);
    }
    stop.cancel();
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    assert_eq!(world.store.recap(&evening.session).await.unwrap().unwrap().polls[0].votes, [3, 0, 0]);
}

/// What a worker says of announcements.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Said {
    fn say(&self, word: String) {
        self.0.lock().unwrap().push(word);
    }

    fn is(&self, word: &str) -> Option<()> {
        self.0.lock().unwrap().iter().any(|said| said == word).then_some(())
    }
}

impl Announcer for Said {
    fn announce(&self, standing: Standing) {
        self.say(standing.message);
    }

    fn withdraw(&self, _: &schemas::SessionId, _: schemas::Seq) {}

    fn leave(&self, _: &schemas::SessionId) {
        self.say("left".to_owned());
    }
}

#[tokio::test]
async fn what_was_taken_back_before_an_owner_came_is_not_announced_by_it() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let announced = |message: &str| Fact::Announced { message: message.to_owned(), ends_at: None, push: true };
    let work = async || {
        let (said, stop) = (Arc::new(Said::default()), CancellationToken::new());
        let run =
            workers::run(Config::default(), world.broker().await, world.store.clone(), world.past.clone(), said.clone(), stop.clone());
        (said, stop, tokio::spawn(run))
    };
    let (said, stop, run) = work().await;
    let seq = evening.say(announced("One"), &[]).await;
    until("the first", async || said.is("One")).await;
    evening.folded(&world, seq).await;
    stop.cancel();
    run.await.unwrap().unwrap();
    assert_eq!(said.is("left"), Some(()), "whoever owns it next knows what stands");
    // Nobody folds that it is taken back, nor what comes after.
    for fact in [Fact::AnnouncementEnded, announced("Two"), announced("Three")] {
        evening.say(fact, &[]).await;
    }
    let (said, stop, run) = work().await;
    until("the last", async || said.is("Three")).await;
    assert_eq!((said.is("One"), said.is("Two")), (None, None), "neither stands any more");
    stop.cancel();
    run.await.unwrap().unwrap();
    // What stands is announced by each owner.
    let (said, stop, run) = work().await;
    until("the last again", async || said.is("Three")).await;
    stop.cancel();
    run.await.unwrap().unwrap();
}
