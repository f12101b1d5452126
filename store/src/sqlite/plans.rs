//! No question may read a whole table, nor sort more than one run's rows or one person's, however much history there is.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;

use rusqlite::Connection;
use schemas::track::Analysis;

use super::{fingerprints, likes, live, plays, positions, runs, tokens};
use crate::contract::sample::{EVENING, evening, person, pos, session};
use crate::rows::Fingerprint;

thread_local! {
    static SEEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Called for every statement of this room, so that none can be forgotten here.
pub fn seen(sql: &'static str) {
    SEEN.with_borrow_mut(|all| all.insert(sql));
}

/// All that the two families ask of a connection.
fn ask_everything(c: &Connection) -> rusqlite::Result<()> {
    let friday = session("friday-night");
    let changes = evening(&friday, 10, pos(100));
    live::save(c, &changes)?;
    live::load(c, &friday)?.unwrap();
    live::load_run(c, &friday, 10)?.unwrap();
    live::recap(c, &friday)?.unwrap();
    live::history(c, &friday, 10, 50)?;
    fingerprints::save(c, &friday, 10, &[Fingerprint { key: changes.plays[0].key, analysis: Analysis::default() }])?;
    positions::of(c, changes.partition)?.unwrap();
    runs::open(c, changes.partition)?;
    runs::recent(c, 50)?;
    runs::by_slug(c, "dj-zolc", 20)?;
    runs::totals(c)?;
    plays::top(c, 10)?;
    likes::of_person(c, person(1), 50)?;
    tokens::add(c, "DJ", "hash", EVENING)?.unwrap();
    tokens::touch(c, "hash", EVENING)?;
    tokens::revoke(c, "dj", EVENING).map(drop)
}

fn plan(c: &Connection, sql: &str) -> Vec<String> {
    let mut explain = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![rusqlite::types::Null; explain.parameter_count()];
    explain.query_map(rusqlite::params_from_iter(nothing), |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn no_question_reads_a_whole_table() {
    let c = Connection::open_in_memory().unwrap();
    c.execute_batch(include_str!("schema.sql")).unwrap();
    ask_everything(&c).unwrap();
    let statements = SEEN.take();
    assert!(statements.len() > 30, "only {} statements were seen", statements.len());
    for sql in statements {
        let plan = plan(&c, sql);
        let steps = plan.join("\n  ");
        // An index walked in its order until the limit is reached reads no more than it gives.
        let scans = plan.iter().filter(|step| step.starts_with("SCAN") && !(step.contains("USING INDEX") && sql.contains("LIMIT ?")));
        assert_eq!(scans.count(), 0, "{sql}\n  {steps}");
        let others_likes = plan.iter().filter(|step| step.starts_with("SEARCH l ") && !step.contains("person=?"));
        assert_eq!(others_likes.count(), 0, "a person's likes are looked for among everybody's\n{sql}\n  {steps}");
        let bounded = ["session = ?", "partition = ?", "person = ?"].iter().any(|key| sql.contains(key));
        let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE") && !bounded);
        assert_eq!(sorts.count(), 0, "{sql}\n  {steps}");
    }
}
