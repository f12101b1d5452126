//! Making the tables, and refusing those of another time.

use std::time::Duration;

use schemas::PersonId;
use store::contract::people::account;
use store::contract::sample::{EVENING, ended, evening, flush, load, loaded, pos, run, session};
use store::cql::{Cql, Login, migrate};
use store::{Accounts, Audit, Changes, Live, Past, StoreError, Subscriptions, Tokens};

use crate::server::{PRESENT, beside, fresh, unmade};

/// What each step makes.
const STEPS: [&str; 5] = [
    include_str!("../../src/cql/schema.cql"),
    include_str!("../../src/cql/accounts.cql"),
    "",
    include_str!("../../src/cql/pushes.cql"),
    include_str!("../../src/cql/leaving.cql"),
];

fn made(step: &str) -> impl Iterator<Item = &str> {
    step.lines().filter_map(|line| line.strip_prefix("CREATE TABLE IF NOT EXISTS ")?.split_whitespace().next())
}

/// What a failure says to whoever runs this.
fn words<T>(answer: Result<T, StoreError>) -> String {
    answer.err().expect("a failure").to_string()
}

#[tokio::test]
async fn a_keyspace_is_made_once_whoever_makes_it() {
    let _present = PRESENT.read().await;
    let config = unmade();
    let before = words(Cql::open(&config).await);
    assert!(before.contains(&config.keyspace) && before.contains("pika migrate"), "{before}");

    // As when all roles of a new cluster start with a migration at once.
    let (one, other) = tokio::join!(migrate(&config), migrate(&config));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.version, other.version), (STEPS.len(), STEPS.len()));
    assert_eq!(one.applied.len() + other.applied.len(), STEPS.len(), "each step is taken by one of them");
    assert_eq!(migrate(&config).await.unwrap().applied, Vec::<&str>::new());
    Cql::open(&config).await.unwrap();
}

#[tokio::test]
async fn tables_of_a_newer_program_are_refused() {
    let store = fresh().await;
    let beside = beside(&store.config).await;
    beside.query_unpaged("INSERT INTO migrations (program, version, name) VALUES ('pika', 999, 'of tomorrow')", ()).await.unwrap();
    let (opened, migrated) = (words(Cql::open(&store.config).await), words(migrate(&store.config).await));
    beside.query_unpaged("DELETE FROM migrations WHERE program = 'pika' AND version = 999", ()).await.unwrap();
    for said in [opened, migrated] {
        assert!(said.contains("newer version") && said.contains("999") && said.contains(&store.config.keyspace), "{said}");
    }
    Cql::open(&store.config).await.unwrap();
}

/// A migration that died is not waited for longer than its hold, and one that lives is.
#[tokio::test]
async fn a_step_that_was_cut_off_is_taken_again() {
    let _present = PRESENT.read().await;
    let config = unmade();
    migrate(&config).await.unwrap();
    let beside = beside(&config).await;
    beside.query_unpaged("DELETE FROM migrations WHERE program = 'pika' AND version IN (2, 3, 4, 5)", ()).await.unwrap();
    beside.query_unpaged("DROP TABLE secrets", ()).await.unwrap();
    let said = words(Cql::open(&config).await);
    assert!(said.contains("version 1"), "{said}");
    assert_eq!(migrate(&config).await.unwrap().applied.len(), 4);
    Cql::open(&config).await.unwrap();
}

/// Of two accounts that older programs let be one person, the first is.
#[tokio::test]
async fn accounts_of_an_older_keyspace_claim_who_they_are() {
    let _present = PRESENT.read().await;
    let config = unmade();
    migrate(&config).await.unwrap();
    let beside = beside(&config).await;
    for (id, created_at) in [("second", 7_i64), ("first", 5), ("third", 9)] {
        let made = "INSERT INTO accounts (id, version, person, created_at) VALUES (?, 1, 'somebody', ?)";
        beside.query_unpaged(made, (id, created_at)).await.unwrap();
    }
    beside.query_unpaged("DELETE FROM migrations WHERE program = 'pika' AND version IN (3, 4, 5)", ()).await.unwrap();
    migrate(&config).await.unwrap();
    let answer = beside.query_unpaged("SELECT person, id FROM accounts", ()).await.unwrap().into_rows_result().unwrap();
    let mut people: Vec<(String, String)> = answer.rows().unwrap().map(Result::unwrap).collect();
    for (person, id) in &people {
        let sql = "SELECT account FROM account_names WHERE kind = 'person' AND name = ?";
        let claimed = beside.query_unpaged(sql, (person,)).await.unwrap().into_rows_result().unwrap();
        assert_eq!(claimed.first_row::<(String,)>().unwrap().0, *id);
    }
    people.retain(|(person, _)| person.parse::<PersonId>().is_err());
    assert_eq!(people, [("somebody".to_owned(), "first".to_owned())], "the others are somebody new");
}

/// A keyspace as each earlier version left it, with an evening, a DJ's token and, once there were any, an account: all of it is read, and
/// whatever this version does can be done.
#[tokio::test]
async fn a_keyspace_of_every_earlier_version_becomes_one_of_this() {
    let _present = PRESENT.read().await;
    let friday = session("of-an-earlier-version");
    let before = evening(&friday, 10, pos(100));
    for version in 1..STEPS.len() {
        let config = unmade();
        assert_eq!(migrate(&config).await.unwrap().version, STEPS.len());
        let store = Cql::open(&config).await.unwrap();
        store.save(&before).await.unwrap();
        store.add_token("DJ Kept", "hash", EVENING).await.unwrap();
        let ada = account("ada");
        store.add_account(&ada).await.unwrap();
        let beside = beside(&config).await;
        for (taken, step) in (1..).zip(STEPS).skip(version) {
            for table in made(step) {
                beside.query_unpaged(format!("DROP TABLE {table}"), ()).await.unwrap();
            }
            let forget = "DELETE FROM migrations WHERE program = 'pika' AND version = ?";
            beside.query_unpaged(forget, (taken,)).await.unwrap();
        }
        let said = words(Cql::open(&config).await);
        assert!(said.contains(&format!("at version {version}")), "{said}");

        assert_eq!(migrate(&config).await.unwrap().applied.len(), STEPS.len() - version);
        let store = Cql::open(&config).await.unwrap();
        assert_eq!(load(&store, &friday).await, loaded(&before), "{version}");
        assert_eq!(store.find_token("hash", EVENING).await.unwrap().map(|token| token.name), Some("DJ Kept".to_owned()), "{version}");
        assert_eq!(store.account(ada.id).await.unwrap().is_some(), version >= 2, "{version}");
        let over = ended(run(&friday, 10, pos(200)), EVENING);
        store.save(&Changes { runs: vec![over.clone()], ..flush(&friday, pos(200)) }).await.unwrap();
        assert_eq!(store.recent_runs(9).await, Ok(vec![over.clone()]), "{version}");
        assert_eq!(store.ended_before(friday.partition(), EVENING.plus(1), 9).await, Ok(vec![over]), "{version}");
        store.sweep_audit(EVENING, 9).await.unwrap();
        store.add_account(&account("eve")).await.unwrap();
        assert_eq!(store.subscriptions_of(PersonId::random()).await, Ok(vec![]), "{version}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let mut config: store::cql::Config = "127.0.0.1:1,localhost:2/pika".parse().unwrap();
    config.patience = Duration::from_millis(300);
    config.login = Some(Login { user: "pika".to_owned(), password: "not-to-be-shown".to_owned() });
    let said = words(Cql::open(&config).await);
    assert!(said.contains("127.0.0.1:1") && said.contains("localhost:2"), "{said}");
    assert!(!said.contains("not-to-be-shown") && !format!("{config:?}").contains("not-to-be-shown"), "{said}");
}
