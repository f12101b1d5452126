use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use nats::notes::Question;
use schemas::note::{
    Applause, AskMine, AskToken, Clap, DjIdentity, Mine, Outcome, Presence, PresenceChange, PresenceReport, Present, Rejection,
    TokenAnswer, Verdict, Verdicts,
};
use schemas::{NodeId, PersonId, PollId, TrackKey};

use crate::support::*;

fn answer_all<Q: Send + 'static, A: Send + 'static>(
    mut asked: BoxStream<'static, Question<Q, A>>,
    mut with: impl FnMut(&Q) -> A + Send + 'static,
) {
    tokio::spawn(async move {
        while let Some(question) = asked.next().await {
            let answer = with(&question.ask);
            question.answer(answer).await;
        }
    });
}

#[tokio::test]
async fn notes_arrive_as_they_were_sent() {
    let world = World::new().await;
    let (one, two) = (world.broker().await, world.broker().await);
    let (s, node) = (session("friday-night"), NodeId::random());
    let mut verdicts = two.verdicts(&node).await.unwrap();
    let verdict = |outcome| Verdict { person: PersonId::random(), poll: PollId::new(4).unwrap(), outcome };
    let list = vec![verdict(Outcome::Counted { option: 1 }), verdict(Outcome::Rejected(Rejection::PollClosed))];
    let sent = Verdicts { session: s.clone(), list, tallies: vec![(PollId::new(4).unwrap(), vec![3, 1])] };
    // What cannot be read is passed over.
    world.stranger().await.publish(format!("verdict.{node}"), "nonsense".into()).await.unwrap();
    one.send_verdicts(&node, &sent).await.unwrap();
    assert_eq!(soon("verdicts", verdicts.next()).await.unwrap().0, sent);

    let mut presence = two.presence(s.partition()).await.unwrap();
    let who = Present::Dancer(PersonId::random());
    let report = PresenceReport::Changes(vec![PresenceChange { session: s.clone(), who, here: true }]);
    let sent = Presence { node: node.clone(), report };
    one.send_presence(s.partition(), &sent).await.unwrap();
    assert_eq!(soon("presence", presence.next()).await.unwrap(), sent);

    let mut asked = two.presence_asked().await.unwrap();
    one.ask_presence(s.partition()).await.unwrap();
    assert_eq!(soon("the question", asked.next()).await.unwrap(), s.partition());

    let mut applause = world.overhear(format!("note.{s}.applause")).await;
    let sent = Applause { from: 3, to: 9, items: vec![(5, Clap::Like(TrackKey::of("a", "b")))] };
    one.send_applause(&s, &sent).await.unwrap();
    let received = soon("applause", applause.next()).await.unwrap();
    assert_eq!(schemas::codec::from_log::<Applause>(&received.payload).unwrap(), sent);
}

#[tokio::test]
async fn a_question_that_nobody_can_answer_is_over_at_once() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let start = Instant::now();
    assert!(!broker.probe_dj(&s).await.unwrap());
    assert!(broker.ask_token(&AskToken::by_hash("0".to_owned())).await.is_err());
    let ask = AskMine { session: s.clone(), poll: PollId::new(1).unwrap(), person: PersonId::random() };
    assert_eq!(broker.ask_mine(s.partition(), &ask, Duration::from_secs(5)).await, None);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn of_several_nodes_one_that_holds_the_dj_decides() {
    let world = World::new().await;
    let broker = world.broker().await;
    let (s, silent) = (session("friday-night"), session("silent-night"));
    answer_all(world.broker().await.dj_probes(&s).await.unwrap(), |()| false);
    answer_all(world.broker().await.dj_probes(&s).await.unwrap(), |()| true);
    assert!(soon("the probe", broker.probe_dj(&s)).await.unwrap());
    answer_all(world.broker().await.dj_probes(&silent).await.unwrap(), |()| false);
    let start = Instant::now();
    assert!(!broker.probe_dj(&silent).await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn tokens_and_votes_are_answered() {
    let world = World::new().await;
    let broker = world.broker().await;
    let s = session("friday-night");
    let dj = DjIdentity { id: "dj-1".to_owned(), name: "Ana".to_owned() };
    let (counted, mut count) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..2 {
        let (dj, counted) = (dj.clone(), counted.clone());
        answer_all(world.broker().await.token_asked().await.unwrap(), move |ask: &AskToken| {
            counted.send(()).unwrap();
            TokenAnswer { dj: (ask.sha256 == "good").then(|| dj.clone()), ..TokenAnswer::default() }
        });
    }
    for (sha256, answer) in [("good", Some(dj)), ("bad", None)] {
        assert_eq!(broker.ask_token(&AskToken::by_hash(sha256.to_owned())).await.unwrap().dj, answer);
        soon("an answer", count.recv()).await.unwrap();
        assert!(count.try_recv().is_err(), "two answered one question");
    }
    answer_all(broker.mine_asked(s.partition()).await.unwrap(), |ask: &AskMine| Mine { option: Some(ask.poll.get() as u32) });
    let ask = AskMine { session: s.clone(), poll: PollId::new(2).unwrap(), person: PersonId::random() };
    assert_eq!(world.broker().await.ask_mine(s.partition(), &ask, PATIENCE).await, Some(Mine { option: Some(2) }));
}

#[tokio::test]
async fn revocations_are_kept_and_followed_over_a_restart() {
    let world = World::new().await;
    let broker = world.broker().await;
    broker.revoke("one").await.unwrap();
    broker.revoke("two").await.unwrap();
    let mut revoked = world.broker().await.revocations().await.unwrap();
    assert_eq!(soon("the first", revoked.next()).await.unwrap(), "one");
    assert_eq!(soon("the second", revoked.next()).await.unwrap(), "two");
    let pid = world.server.pid();
    world.kill();
    until("another server", || async { world.server.pid().filter(|p| Some(*p) != pid) }).await;
    until("a revocation", || async { broker.revoke("three").await.ok() }).await;
    assert_eq!(soon("the third", revoked.next()).await.unwrap(), "three");
}
