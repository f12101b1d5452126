//! Reads are answered by any server that holds a copy of the log, and a copy may lag behind. The worst of them is played here by
//! a mirror that has lost every fact and answers for the log all the same.

use async_nats::jetstream::{self, stream};
use nats::{Decision, Failed, Sessions};
use schemas::Code;
use tokio_util::sync::CancellationToken;

use crate::support::*;

/// Lets no fact be heard: all have to be read.
async fn deaf(world: &World) -> jetstream::Context {
    let context = jetstream::new(world.stranger().await);
    let mut log = context.get_stream("LIVE").await.unwrap().cached_info().config.clone();
    log.republish = None;
    context.update_stream(log).await.unwrap();
    context
}

#[tokio::test]
async fn a_run_that_a_copy_has_not_got_yet_is_met_all_the_same() {
    let world = World::new().await;
    let (broker, stop) = (world.broker().await, CancellationToken::new());
    let copy = Copy::of(&world).await;
    let mut met = 0;
    for n in 0..20 {
        let s = session(&format!("evening-{n}"));
        let begin = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs[0];
        copy.lose(begin).await;
        // A copy that never gets it may answer each time: then it is said that the session cannot be read.
        if let Ok(session) = Sessions::new(broker.clone(), stop.clone()).meet(&s).await {
            assert!(session.view().run.is_some(), "a session that goes on was taken for none");
            met += 1;
        }
    }
    assert!(met > 0);
    stop.cancel();
}

/// A copy that answers, and loses what it has got as soon as it has got it.
struct Copy {
    context: jetstream::Context,
}

impl Copy {
    async fn of(world: &World) -> Copy {
        let context = deaf(world).await;
        let mirror = stream::Source { name: "LIVE".to_owned(), ..Default::default() };
        let name = "COPY".to_owned();
        let copy = stream::Config { name, mirror: Some(mirror), mirror_direct: true, allow_direct: true, ..Default::default() };
        context.create_stream(copy).await.unwrap();
        Copy { context }
    }

    async fn lose(&self, last: u64) {
        let copy = self.context.get_stream("COPY").await.unwrap();
        until("the copy", || async { (copy.get_info().await.unwrap().state.last_sequence >= last).then_some(()) }).await;
        copy.purge().await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_that_lags_behind_hides_no_fact() {
    let world = World::new().await;
    let (broker, stop) = (world.broker().await, CancellationToken::new());
    let s = session("friday-night");
    let begin = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs[0];
    let sessions = Sessions::new(broker.clone(), stop.clone());
    let followed = sessions.meet(&s).await.unwrap();
    let copy = Copy::of(&world).await;
    copy.lose(begin).await;
    until("the copy to answer", || async { broker.facts_after(&s, 0, 10).await.unwrap().is_empty().then_some(()) }).await;

    let mut last = begin;
    for n in 1..=12 {
        last = broker.append(&s, last, &[track(&n.to_string())], None, &[]).await.unwrap().seqs[0];
        copy.lose(last).await;
        assert!(followed.reflects(last, PATIENCE).await, "track {n} is not seen");
        let view = followed.view();
        assert_eq!((view.last, view.run.as_ref().unwrap().plays.len()), (last, n), "a fact was passed over");
        let whole = broker.whole_facts_after(&s, begin - 1).await.unwrap();
        assert_eq!(whole.len(), n + 1, "a fact is missing from what counts as all");
    }
    stop.cancel();
}

#[tokio::test]
async fn nothing_is_refused_on_a_view_that_lags_behind() {
    let world = World::new().await;
    let (broker, stop) = (world.broker().await, CancellationToken::new());
    let s = session("friday-night");
    let mut last = broker.append(&s, 0, &[begun()], None, &[]).await.unwrap().seqs[0];
    let followed = Sessions::new(broker.clone(), stop.clone()).meet(&s).await.unwrap();
    deaf(&world).await;
    for n in 1..=3 {
        last = broker.append(&s, last, &[track(&n.to_string())], None, &[]).await.unwrap().seqs[0];
        let seen = followed
            .append(|view| match view.run.as_ref().map(|run| run.plays.len()) {
                Some(plays) if plays == n => Ok(Decision::Already(view.last)),
                _ => Err(Code::PollActive.into()),
            })
            .await;
        assert_eq!(seen.unwrap(), [last]);
    }
    last = broker.append(&s, last, &[track("stopped")], None, &[]).await.unwrap().seqs[0];
    let void = followed.append(|view| match view.last == last {
        true => Ok(Decision::Already(last)),
        false => Ok(Decision::Append { facts: vec![], timers: vec![] }),
    });
    assert_eq!(void.await.unwrap(), [last], "what would write nothing is looked at anew, too");
    assert!(!followed.catch_up(last).await.unwrap(), "there is nothing to read");
    let refused = followed.append(|_| Err(Code::SessionOver.into())).await;
    assert!(matches!(refused, Err(Failed::Refused(refusal)) if refusal.code == Code::SessionOver), "a refusal stays one");
    stop.cancel();
}
