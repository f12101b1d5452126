//! An evening from its begin to its recap.

use std::time::Duration;

use futures_util::StreamExt;
use nats::sessions::{Sessions, Update};
use schemas::claim::Claim;
use schemas::client::Preference;
use schemas::fact::{EndReason, Fact, Owner};
use schemas::note::{AskMine, Outcome};
use schemas::state::State;
use tokio_util::sync::CancellationToken;
use workers::Config;

use super::support::*;

#[tokio::test]
async fn what_dancers_say_becomes_counts_verdicts_and_rows() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    let mut verdicts = evening.broker.verdicts(&node()).await.unwrap();
    let play = evening.play(1).await;
    evening.open(7, Duration::from_secs(60), true).await;
    let key = track(1).key();
    let claims = (0..5).flat_map(|who| [(who, Claim::Like { track: key }), (who, Claim::Vote { poll: poll(7), option: who % 2 })]);
    evening.claims(claims.collect()).await;
    let last = evening.claims(vec![(1, Claim::Unlike { track: key }), (2, Claim::Tempo { preference: Preference::Faster })]).await;
    evening.folded(&world, last).await;

    let (told, _) = verdicts.next().await.unwrap();
    assert_eq!((told.session, told.list.len()), (evening.session.clone(), 5));
    assert!(told.list.iter().all(|verdict| matches!(verdict.outcome, Outcome::Counted { .. })));
    let (broker, session) = (&evening.broker, &evening.session);
    let states = until("tally and tempo", || async { broker.states(session).await.ok().filter(|states| states.len() == 3) }).await;
    assert!(states.iter().any(|state| matches!(state, State::Tally { votes, .. } if *votes == [3, 2, 0])), "{states:?}");
    assert!(
        states.iter().any(|state| matches!(state, State::Tempo { play: of, count, .. } if *of == play && count.faster == 1)),
        "{states:?}"
    );
    let ask = AskMine { session: session.clone(), poll: poll(7), person: person(3) };
    assert_eq!(broker.ask_mine(session.partition(), &ask, Duration::from_secs(5)).await.unwrap().option, Some(1));

    evening.owner_claims(Claim::ClosePoll { poll: poll(7) }).await;
    let closed = evening.hear("poll_closed").await;
    assert!(matches!(closed.record.fact, Fact::PollClosed { votes, .. } if votes == [3, 2, 0]));
    let (begin, owner) = (evening.view.run.as_ref().unwrap().begin, Owner::Dj { id: "dj-1".into() });
    let end = evening.say(Fact::Ended { reason: EndReason::Ended, begin, owner, dj_name: "DJ One".into() }, &[]).await;
    evening.folded(&world, end).await;
    let recap = world.store.recap(&evening.session).await.unwrap().unwrap();
    assert_eq!((recap.run.likes, recap.run.tracks, recap.plays[0].likes, recap.plays[0].tempo.faster), (4, 1, 4, 1));
    assert_eq!(recap.polls[0].votes, [3, 2, 0]);
    assert_eq!(recap.run.ended.map(|(_, reason)| reason), Some(EndReason::Ended));
    worker.stop().await;
}

#[tokio::test]
async fn the_dj_hears_each_like_once() {
    let world = World::new().await;
    let mut evening = Evening::begin(&world).await;
    let sessions = Sessions::new(evening.broker.clone(), CancellationToken::new());
    let mut updates = sessions.meet(&evening.session).await.unwrap().updates();
    evening.play(1).await;
    let worker = world.worker(&evening.session, Config::default()).await;
    let key = track(1).key();
    for who in [1, 2, 1, 3] {
        evening.claim(who, Claim::Like { track: key }).await;
    }
    let (mut heard, mut upto) = (0, 0);
    while heard < 3 {
        let note = match updates.recv().await.unwrap() {
            Update::Applause(note) => note,
            Update::Fact(_) | Update::State(_) | Update::Anew => continue,
        };
        assert!(note.from >= upto && note.to > note.from, "{note:?}");
        upto = note.to;
        heard += note.items.len();
    }
    assert_eq!(heard, 3);
    worker.stop().await;
}
