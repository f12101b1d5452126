//! No question may read a whole table, nor sort more than one run's rows or one person's, however much history there is.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;

use rusqlite::Connection;
use schemas::track::Analysis;

use super::{accounts, audit, fingerprints, likes, live, past, plays, positions, pushes, runs, secrets, tokens};
use crate::contract::people::{account, entry, secret};
use crate::contract::pushes::subscription;
use crate::contract::sample::{EVENING, ended, evening, person, pos, session};
use crate::rows::Fingerprint;
use crate::{Claim, PushKey};

thread_local! {
    static SEEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Called for every statement of this room, so that none can be forgotten here.
pub fn seen(sql: &'static str) {
    SEEN.with_borrow_mut(|all| all.insert(sql));
}

/// All that the families ask of a connection.
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
    tokens::revoke(c, "dj", EVENING)?;
    ask_of_the_past(c)?;
    ask_of_people(c)
}

fn ask_of_the_past(c: &Connection) -> rusqlite::Result<()> {
    let friday = session("friday-last-year");
    let mut changes = evening(&friday, 10, pos(100));
    changes.runs = changes.runs.into_iter().map(|run| ended(run, EVENING)).collect();
    live::save(c, &changes)?;
    let over = past::ended_before(c, friday.partition(), EVENING.plus(1), 9)?;
    past::let_go(c, &over[0])?;
    let leaving = past::leaving(c, friday.partition())?;
    assert!(past::clear(c, &leaving[0], 1_000)?);
    Ok(())
}

fn ask_of_people(c: &Connection) -> rusqlite::Result<()> {
    let ada = account("ada");
    assert!(accounts::add(c, &ada)?);
    accounts::named(c, &crate::Name::Slug(ada.slug.clone()))?.unwrap();
    assert!(!accounts::claim(c, &crate::Name::Slug(ada.slug.clone()), schemas::AccountId::random(), EVENING)?);
    assert!(accounts::save(c, &ada)?);
    accounts::list(c, None, 10)?;
    tokens::add_of(c, &ada.id.to_string(), &ada.display_name, "laptop", "hash of hers", EVENING)?.unwrap();
    tokens::of(c, &ada.id.to_string())?;
    assert!(tokens::revoke_one(c, "hash of hers", EVENING)?);
    let session = secret(crate::SecretKind::Session, Some(ada.id), 'a');
    assert!(secrets::add(c, &session)?);
    secrets::use_up(c, &session.sha256, EVENING)?;
    secrets::touch(c, &session.sha256, EVENING)?;
    secrets::assign(c, &session.sha256, ada.id, EVENING)?;
    secrets::list(c, ada.id, session.kind, EVENING)?;
    secrets::end(c, &session.sha256)?;
    secrets::sweep(c, EVENING, 9)?;
    audit::note(c, &entry(Some(ada.id), 1))?;
    audit::before_this(c, EVENING, 10)?;
    audit::of(c, ada.id, 10)?;
    audit::sweep(c, EVENING, 9)?;
    accounts::of(c, ada.id)?.unwrap();
    accounts::remove(c, &ada)?;
    ask_of_pushes(c)
}

fn ask_of_pushes(c: &Connection) -> rusqlite::Result<()> {
    let (friday, phone) = (session("friday-night"), subscription(person(1), 'a'));
    assert!(pushes::subscribe(c, &phone)?);
    pushes::follow(c, &friday, &phone.sha256, EVENING)?;
    pushes::followers(c, &friday, EVENING, 9)?;
    pushes::find(c, &phone.sha256)?.unwrap();
    pushes::of(c, person(1))?;
    pushes::hush(c, person(1), true)?;
    pushes::unfollow(c, &friday, &phone.sha256)?;
    let push = PushKey { session: friday, seq: 100 };
    pushes::claim(c, &push, "one", EVENING, EVENING.plus(1))?;
    assert_eq!(pushes::claim(c, &push, "two", EVENING, EVENING)?, Claim::Held(EVENING.plus(1)));
    pushes::note_told(c, &push, &phone.sha256)?;
    pushes::told(c, &push)?;
    pushes::leave(c, &push, "one", true)?;
    pushes::unsubscribe(c, &phone.sha256)?;
    pushes::sweep(c, EVENING, 9).map(drop)
}

fn plan(c: &Connection, sql: &str) -> Vec<String> {
    let mut explain = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![rusqlite::types::Null; explain.parameter_count()];
    explain.query_map(rusqlite::params_from_iter(nothing), |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn no_question_reads_a_whole_table() {
    let c = Connection::open_in_memory().unwrap();
    c.execute_batch(concat!(
        include_str!("schema.sql"),
        include_str!("accounts.sql"),
        include_str!("pushes.sql"),
        include_str!("leaving.sql")
    ))
    .unwrap();
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
