//! What is asked afterwards: the recap of a great evening, lists and sums, with many evenings behind. All of it came in as evenings
//! do, through ingest, the log and the workers, into a file of SQLite and into a CQL server.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::bench::cql::Cql;
use crate::bench::peer::Peer;
use crate::bench::results::{Kept, Question, Results, Row};
use crate::bench::server::{Layout, Place, Server};
use crate::lean::crowd::Deaf;
use crate::lean::flow::{histogram, micros};
use crate::lean::http::{ask, ask_json};
use crate::lean::likes::{Likes, title};
use crate::lean::publisher::Session;

/// The great evening: every dancer likes every track.
const TRACKS: usize = 500;
const DANCERS: usize = 200;
/// What one POST of the publish API may hold.
const BATCH: usize = 100;
/// Evenings that have ended, each with one dancer who likes each of its tracks.
const TRACKS_EACH: usize = 5;
/// Longer than any kept answer lasts, so that each is looked up anew meanwhile.
const EVERY: Duration = Duration::from_millis(20);
/// How long the fold may take to have counted everything.
const COUNTED: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(600);
/// Sums are given out again for ten seconds; then they have to be right.
const AGE: Duration = Duration::from_secs(12);

pub struct Plan {
    pub past: usize,
    pub asked: usize,
}

pub fn measure(place: &Place, kept: Kept, plan: &Plan, results: &mut Results) -> anyhow::Result<()> {
    let mut place = place.clone();
    // With the server's core to itself, nearly: nobody holds a socket while questions are asked.
    let cql = match kept {
        Kept::Sqlite => None,
        Kept::Cql => Some(Cql::start(&place.cassandra()?, place.server_core)?),
    };
    if let Some(cql) = &cql {
        place.set.push(("PIKA_STORE".to_owned(), format!("cql:{}/bench", cql.place)));
        place.migrate()?;
    }
    let server = Server::start(&place, Peer::Pika, Layout::Together)?;
    let api = server.api()?;
    let before = ask_json(api, "GET", "/api/stats/global", None, &Value::Null)?;
    let began = Instant::now();
    past(&server, plan.past)?;
    let (session, likes) = great(&server)?;
    eprintln!(
        "  {kept:<10} {} likes in {TRACKS} tracks, {} evenings behind: {:.0} s",
        TRACKS * DANCERS,
        plan.past,
        began.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let counted = until(COUNTED, || Ok(server.likes(&session)? == likes.expected(0..DANCERS)))?;
    let all = before["totalLikes"].as_u64().unwrap_or(0) + (TRACKS * DANCERS + plan.past * TRACKS_EACH) as u64;
    until(COUNTED, || Ok(sum(api)? == all))?;
    eprintln!("  {kept:<10} counted after {counted:.1} s, in the sums after {:.1} s", began.elapsed().as_secs_f64());

    let questions = questions(&session);
    let times = asked(api, &questions, plan.asked)?;
    for ((question, _), times) in questions.iter().zip(times) {
        let [p50, p99] = [0.5, 0.99].map(|q| times.value_at_quantile(q) as f64 / 1e3);
        results.add(Row::Answer { question: *question, kept }, Peer::Pika, p99);
        eprintln!("  {kept:<10} {question}: p50 {p50:.1} ms, p99 {p99:.1} ms, slowest {:.1} ms", times.max() as f64 / 1e3);
    }
    changed(&server, &session, &likes, all, kept)
}

/// Evenings of many DJs that are over.
fn past(server: &Server, count: usize) -> anyhow::Result<()> {
    let titles: Vec<String> = (0..TRACKS_EACH).map(title).collect();
    let sessions = (0..count).map(|_| server.go_live(&titles)).collect::<anyhow::Result<Vec<Session>>>()?;
    let mut crowd = server.crowd_of(sessions.iter().map(|session| (session.id.as_str(), None)))?;
    crowd.enter(count, &mut Deaf)?;
    Likes::new(&crowd.dialect, count, TRACKS_EACH, TRACKS_EACH).rush(&mut crowd, LONG)?;
    drop(crowd);
    sessions.iter().try_for_each(|session| server.tell(session, &json!({"type": "END_SESSION"})))
}

/// The evening that is asked for.
fn great(server: &Server) -> anyhow::Result<(Session, Likes)> {
    let titles: Vec<String> = (0..TRACKS).map(title).collect();
    let mut batches = titles.chunks(BATCH);
    let session = server.go_live(batches.next().unwrap_or_default())?;
    for batch in batches {
        server.play(&session, batch)?;
    }
    let mut crowd = server.crowd_of([(session.id.as_str(), None)])?;
    crowd.enter(DANCERS, &mut Deaf)?;
    let mut likes = Likes::new(&crowd.dialect, DANCERS, TRACKS, TRACKS);
    let liked = likes.rush(&mut crowd, LONG)?;
    ensure!(liked.acks == (TRACKS * DANCERS) as u64, "{} of {} likes were acknowledged", liked.acks, TRACKS * DANCERS);
    Ok((session, likes))
}

fn questions(session: &Session) -> [(Question, String); 6] {
    [
        (Question::Recap, format!("/api/sessions/{}/recap", session.id)),
        (Question::Recent, "/api/sessions/recent?limit=50".to_owned()),
        (Question::On, "/api/sessions".to_owned()),
        (Question::TopTracks, "/api/stats/top-tracks".to_owned()),
        (Question::Totals, "/api/stats/global".to_owned()),
        (Question::Dj, "/api/dj/dj-bench".to_owned()),
    ]
}

/// Each so often, one after the other, each on a connection of its own.
fn asked(api: SocketAddr, questions: &[(Question, String)], often: usize) -> anyhow::Result<Vec<Histogram<u64>>> {
    let mut times = vec![histogram(); questions.len()];
    for _ in 0..often {
        let turn = Instant::now();
        for ((question, path), times) in questions.iter().zip(&mut times) {
            let began = Instant::now();
            let answer = ask(api, "GET", path, None, "")?;
            times.saturating_record(micros(began.elapsed()));
            ensure!(answer.status == 200, "{question}: {} {}", answer.status, answer.body);
        }
        sleep(EVERY.saturating_sub(turn.elapsed()));
    }
    Ok(times)
}

/// More likes come: what was asked so often does not stay what it was.
fn changed(server: &Server, session: &Session, likes: &Likes, all: u64, kept: Kept) -> anyhow::Result<()> {
    let mut crowd = server.crowd_of([(session.id.as_str(), None)])?;
    crowd.enter(DANCERS, &mut Deaf)?;
    // Whoever comes back without a cookie is somebody else, and likes for the first time.
    let mut more = Likes::new(&crowd.dialect, DANCERS, TRACKS, 1);
    more.rush(&mut crowd, LONG)?;
    let expected: Vec<u64> = likes.expected(0..DANCERS).iter().zip(more.expected(0..DANCERS)).map(|(before, more)| before + more).collect();
    let began = Instant::now();
    let recap = until(AGE, || Ok(server.likes(session)? == expected)).context("the recap after more likes")?;
    until(AGE, || Ok(sum(server.api()?)? == all + DANCERS as u64)).context("the sums after more likes")?;
    let sums = began.elapsed().as_secs_f64();
    eprintln!("  {kept:<10} {DANCERS} more likes: right in the recap after {recap:.2} s, in the sums after {sums:.1} s");
    Ok(())
}

fn sum(api: SocketAddr) -> anyhow::Result<u64> {
    let sums = ask_json(api, "GET", "/api/stats/global", None, &Value::Null)?;
    sums["totalLikes"].as_u64().with_context(|| format!("no likes in {sums}"))
}

/// Seconds until it is so; fails where it takes longer than that.
fn until(within: Duration, mut so: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<f64> {
    let began = Instant::now();
    while !so()? {
        ensure!(began.elapsed() < within, "not counted exactly within {} s", within.as_secs());
        sleep(LOOK);
    }
    Ok(began.elapsed().as_secs_f64())
}
