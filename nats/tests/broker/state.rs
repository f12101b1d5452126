use futures_util::StreamExt;
use schemas::state::State;
use schemas::{PollId, Pos};

use crate::support::*;

fn listeners(of: u64, count: u64) -> State {
    State::Listeners { of, count, momentum: 0.5 }
}

fn tally(of: u64, votes: Vec<u64>) -> State {
    State::Tally { of: Pos(of), poll: PollId::new(3).unwrap(), votes }
}

#[tokio::test]
async fn the_newest_value_of_each_kind_is_kept_and_fed() {
    let world = World::new().await;
    let broker = world.broker().await;
    let (s, other) = (session("friday-night"), session("saturday-night"));
    let mut feed = world.overhear(format!("feed.{s}.*")).await;
    assert_eq!(broker.states(&s).await.unwrap(), []);
    for state in [listeners(1, 10), tally(2, vec![1, 0]), listeners(3, 11)] {
        broker.put_state(&s, &state).await.unwrap();
        let message = soon("the feed", feed.next()).await.unwrap();
        assert_eq!(message.subject.as_str(), format!("feed.{s}.{}", state.kind().token()));
        assert_eq!(schemas::codec::from_log::<State>(&message.payload).unwrap(), state);
    }
    broker.put_state(&other, &listeners(9, 1)).await.unwrap();
    assert_eq!(broker.states(&s).await.unwrap(), [tally(2, vec![1, 0]), listeners(3, 11)]);
    broker.clear_states(&s).await.unwrap();
    assert_eq!(broker.states(&s).await.unwrap(), []);
    assert_eq!(broker.states(&other).await.unwrap(), [listeners(9, 1)]);
}

#[tokio::test]
async fn state_that_a_restart_took_can_be_written_again() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    broker.put_state(&s, &listeners(1, 10)).await.unwrap();
    let pid = world.server.pid();
    world.kill();
    until("another server", || async { world.server.pid().filter(|p| Some(*p) != pid) }).await;
    until("a writable state", || async { broker.put_state(&s, &listeners(2, 20)).await.ok() }).await;
    assert_eq!(broker.states(&s).await.unwrap(), [listeners(2, 20)]);
    // The stream is made again for readers that come before any writer, too.
    let pid = world.server.pid();
    world.kill();
    until("another server", || async { world.server.pid().filter(|p| *p != pid.unwrap()) }).await;
    until("an empty state", || async { broker.states(&s).await.ok().filter(Vec::is_empty) }).await;
    // Even when somebody deletes it.
    async_nats::jetstream::new(world.stranger().await).delete_stream("STATE").await.unwrap();
    broker.put_state(&s, &listeners(3, 30)).await.unwrap();
    assert_eq!(broker.states(&s).await.unwrap(), [listeners(3, 30)]);
}

#[tokio::test]
async fn listeners_of_all_sessions_are_followed_over_a_restart() {
    let world = World::new().await;
    let broker = world.broker().await;
    let (one, two) = (session("friday-night"), session("saturday-night"));
    broker.put_state(&one, &listeners(1, 10)).await.unwrap();
    broker.put_state(&one, &listeners(2, 12)).await.unwrap();
    broker.put_state(&one, &tally(5, vec![1])).await.unwrap();
    let mut followed = broker.follow_listeners().await.unwrap();
    assert_eq!(soon("the first", followed.next()).await.unwrap(), (one.clone(), listeners(2, 12)));
    broker.put_state(&two, &listeners(3, 7)).await.unwrap();
    assert_eq!(soon("the second", followed.next()).await.unwrap(), (two.clone(), listeners(3, 7)));
    let pid = world.server.pid();
    world.kill();
    until("another server", || async { world.server.pid().filter(|p| Some(*p) != pid) }).await;
    until("a writable state", || async { broker.put_state(&two, &listeners(4, 8)).await.ok() }).await;
    let again = soon("the state after the restart", async {
        loop {
            let (session, state) = followed.next().await.unwrap();
            if state == listeners(4, 8) {
                return session;
            }
        }
    })
    .await;
    assert_eq!(again, two);
}
