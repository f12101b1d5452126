//! Tables copied out of one keyspace and put into another.

use schemas::{Email, Millis};
use scylla::client::session::Session;
use scylla::value::{CqlValue, Row};
use store::contract::people::{account, secret};
use store::contract::sample::EVENING;
use store::cql::backup::{Mended, Source, Tally, Target};
use store::cql::{Config, Cql, migrate};
use store::{Account, Accounts, Name, Secret, SecretKind, Secrets, StoreError, Subscription, Subscriptions, Tokens};
use tokio::sync::mpsc;

use crate::server::{PRESENT, beside, fresh, unmade};

type Copied = Vec<(&'static str, Vec<Vec<u8>>, Tally)>;

async fn copied(config: &Config) -> Copied {
    let source = Source::open(config).await.unwrap();
    let mut tables = Vec::new();
    for table in source.tables() {
        let (sender, mut receiver) = mpsc::channel(1);
        let taken = async {
            let mut pieces = Vec::new();
            while let Some(piece) = receiver.recv().await {
                pieces.push(piece);
            }
            pieces
        };
        let (tally, pieces) = tokio::join!(source.copy(table, sender), taken);
        tables.push((table, pieces, tally.unwrap()));
    }
    tables
}

async fn version(config: &Config) -> u32 {
    Source::open(config).await.unwrap().version
}

async fn fill(target: &Target, table: &str, pieces: Vec<Vec<u8>>) -> Result<Tally, StoreError> {
    let (sender, receiver) = mpsc::channel(pieces.len() + 1);
    for piece in pieces {
        sender.send(piece).await.unwrap();
    }
    drop(sender);
    target.fill(table, receiver).await
}

async fn put_back(config: &Config, version: u32, copied: Copied) {
    let target = Target::make(config, version).await.unwrap();
    for (table, pieces, tally) in copied {
        assert_eq!(fill(&target, table, pieces).await.unwrap(), tally, "{table}");
    }
    target.finish().await.unwrap();
}

async fn all(session: &Session, cql: &str) -> Vec<Vec<Option<CqlValue>>> {
    let answer = session.query_unpaged(cql, ()).await.unwrap().into_rows_result().unwrap();
    answer.rows::<Row>().unwrap().map(|row| row.unwrap().columns).collect()
}

async fn run(session: &Session, statements: &[&str]) {
    for statement in statements {
        session.query_unpaged(*statement, ()).await.unwrap();
    }
}

const ROWS: [&str; 12] = [
    "INSERT INTO runs (session, begin_seq, pos, dj_name, likes, ended_at) VALUES ('a', 1, 70, 'Ä\u{1f483}', 5, null) USING TIMESTAMP 70",
    "UPDATE runs USING TIMESTAMP 1125899906842622 SET epoch = 1 WHERE session = 'a' AND begin_seq = 1",
    "INSERT INTO open_runs (log_partition, session, begin_seq) VALUES (3, 'a', 1) USING TIMESTAMP 70",
    "INSERT INTO open_runs (log_partition, session, begin_seq) VALUES (3, 'b', 2) USING TIMESTAMP 80",
    "DELETE FROM open_runs USING TIMESTAMP 90 WHERE log_partition = 3 AND session = 'b' AND begin_seq = 2",
    "INSERT INTO plays (session, begin_seq, play, pos, track_key, bpm, energy) VALUES ('a', 1, 2, 60, 0x00ff, 0.1, -0.0) USING TIMESTAMP 60",
    "INSERT INTO likes (session, begin_seq, bucket, person, track_key, pos, standing, ops) VALUES ('a', 1, 7, 0x01, 0x02, 61, false, 0x) USING TIMESTAMP 61",
    "INSERT INTO accounts (id, version, email, display_name, profile) VALUES ('one', 3, 'ada@example.org', '', '{}')",
    "UPDATE accounts SET version = 4 WHERE id = 'one' IF version = 3",
    "INSERT INTO secrets (sha256, kind, expires_at) VALUES ('cafe', 'session', 9) USING TTL 5000",
    "INSERT INTO secrets_by_account (account, kind, sha256) VALUES ('one', 'session', 'cafe') USING TTL 5000",
    "INSERT INTO audit_by_month (month, at, id, detail) VALUES (1, 2, 'x', 'short') USING TTL 1",
];

const EXACT: [&str; 6] = [
    "SELECT session, begin_seq, pos, dj_name, likes, ended_at, epoch, writetime(pos), writetime(dj_name), writetime(epoch) FROM runs",
    "SELECT * FROM open_runs",
    "SELECT session, play, track_key, bpm, energy, groove, writetime(bpm) FROM plays",
    "SELECT person, track_key, standing, ops, writetime(ops) FROM likes",
    "SELECT id, version, email, display_name, password, writetime(email), writetime(version) FROM accounts",
    "SELECT sha256, kind, expires_at, writetime(kind) FROM secrets",
];

#[tokio::test]
async fn rows_come_back_cell_by_cell_with_the_places_that_guard_them() {
    let store = fresh().await;
    let there = beside(&store.config).await;
    run(&there, &ROWS).await;
    let mut rows = Vec::new();
    for sql in EXACT {
        rows.push(all(&there, sql).await);
    }
    let copied = copied(&store.config).await;
    let of = |name: &str| copied.iter().find(|(table, ..)| *table == name).unwrap().2;
    assert_eq!((of("runs").rows, of("secrets").fleeting, of("secrets_by_account").fleeting), (1, 1, 1));
    // What had a second to live is over before it is put back.
    let end = Millis::now().0 / 1_000 + 3;
    while Millis::now().0 / 1_000 < end {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }

    let config = unmade();
    put_back(&config, version(&store.config).await, copied).await;
    Cql::open(&config).await.unwrap();
    let back = beside(&config).await;
    for (sql, rows) in EXACT.iter().zip(rows) {
        assert_eq!(all(&back, sql).await, rows, "{sql}");
    }
    assert!(all(&back, "SELECT * FROM audit_by_month").await.is_empty());
    for sql in ["SELECT ttl(kind) FROM secrets", "SELECT ttl(expires_at) FROM secrets"] {
        let left = all(&back, sql).await[0][0].clone().unwrap().as_int().unwrap();
        assert!((4_900..5_000).contains(&left), "{left} seconds are left of 5000");
    }

    // The fold, which may begin again at an earlier place: what is older changes nothing, what is newer stands.
    run(
        &back,
        &[
            "INSERT INTO runs (session, begin_seq, pos, dj_name, ended_at) VALUES ('a', 1, 69, 'old', 69) USING TIMESTAMP 69",
            "UPDATE runs USING TIMESTAMP 1125899906842621 SET epoch = 2 WHERE session = 'a' AND begin_seq = 1",
        ],
    )
    .await;
    assert_eq!(all(&back, EXACT[0]).await, all(&there, EXACT[0]).await, "a null is as old as its row");
    run(
        &back,
        &[
            "INSERT INTO plays (session, begin_seq, play, pos, bpm) VALUES ('a', 1, 2, 71, 2.0) USING TIMESTAMP 71",
            "DELETE FROM open_runs USING TIMESTAMP 71 WHERE log_partition = 3 AND session = 'a' AND begin_seq = 1",
        ],
    )
    .await;
    assert_eq!(all(&back, "SELECT pos, bpm FROM plays").await, [[Some(CqlValue::BigInt(71)), Some(CqlValue::Double(2.0))]]);
    assert!(all(&back, "SELECT * FROM open_runs").await.is_empty(), "a run that ends is open no more");
}

/// A copy takes minutes, and each table is of its own moment: rows first, what points to them later.
#[tokio::test]
async fn what_a_copy_tore_apart_is_put_right() {
    let store = fresh().await;
    let there = beside(&store.config).await;
    let address = |name: &str| Name::Email(Email::parse(&format!("{name}@example.org")).unwrap());
    // Before the copy one account was removed, whose DJ's name stays.
    let before = EVENING.plus(-3_600_000);
    let [removed, whole, moved, leaving] =
        ["removed", "whole", "moved", "leaving"].map(|name| Account { created_at: before, ..account(name) });
    let young = account("young");
    for account in [&removed, &whole, &young, &moved, &leaving] {
        store.add_account(account).await.unwrap();
    }
    store.remove_account(&removed).await.unwrap();
    let held =
        |digit, owner: &Account| Secret { expires_at: Millis::now().plus(3_600_000), ..secret(SecretKind::Session, Some(owner.id), digit) };
    let (kept, ended, new) = (held('a', &whole), held('b', &whole), held('c', &whole));
    for secret in [&kept, &ended, &new] {
        store.add_secret(secret).await.unwrap();
    }
    for sha256 in ["living", "revoked", "made"] {
        store.add_token("Crew", sha256, EVENING).await.unwrap();
    }
    let browser = |sha256: &str| Subscription {
        sha256: sha256.to_owned(),
        endpoint: "https://push.example/x".to_owned(),
        p256dh: "p".to_owned(),
        auth: "a".to_owned(),
        key: "k".to_owned(),
        person: whole.person,
        quiet: false,
        created_at: EVENING,
        seen_at: EVENING,
    };
    for sha256 in ["told", "hushed"] {
        store.subscribe(&browser(sha256)).await.unwrap();
    }
    let torn = [
        // Made after its table was read.
        format!("DELETE FROM accounts WHERE id = '{}'", young.id),
        "DELETE FROM tokens WHERE sha256 = 'made'".to_owned(),
        format!("DELETE FROM secrets WHERE sha256 = '{}'", new.sha256),
        // Ended after it was.
        format!("DELETE FROM secrets_by_account WHERE account = '{}' AND kind = 'session' AND sha256 = '{}'", whole.id, ended.sha256),
        format!("DELETE FROM push_subscriptions_by_person WHERE person = 0x{} AND sha256 = 'hushed'", hex(&whole.person.0)),
        // Has another address and name since, or was just being removed.
        "DELETE FROM account_names WHERE kind = 'email' AND name = 'moved@example.org'".to_owned(),
        "DELETE FROM djs WHERE folded_name = 'dj moved'".to_owned(),
        format!("INSERT INTO account_names (kind, name, account, claimed_at) VALUES ('email', 'later@example.org', '{}', 5)", moved.id),
        format!("UPDATE account_names SET claimed_at = {} WHERE kind = 'person' AND name = '{}'", i64::MAX, leaving.person),
        "DELETE FROM account_names WHERE kind = 'email' AND name = 'leaving@example.org'".to_owned(),
    ];
    for statement in torn {
        there.query_unpaged(statement, ()).await.unwrap();
    }
    for bucket in 0..16 {
        let unpoint = "DELETE FROM tokens_by_name WHERE bucket = ? AND folded_name = 'crew' AND sha256 = 'revoked'";
        there.query_unpaged(unpoint, (bucket,)).await.unwrap();
    }

    let config = unmade();
    let target = Target::make(&config, version(&store.config).await).await.unwrap();
    for (table, pieces, tally) in copied(&store.config).await {
        assert_eq!(fill(&target, table, pieces).await.unwrap(), tally, "{table}");
    }
    assert_eq!(target.mend(EVENING).await.unwrap(), Mended { ended: 3, removed: 1, names: 2, freed: 1 });
    assert_eq!(target.mend(EVENING).await.unwrap(), Mended::default(), "there is nothing left to do");
    target.finish().await.unwrap();
    let back = Cql::open(&config).await.unwrap();
    let now = Millis::now();

    assert_eq!(back.secret(&kept.sha256, now).await, Ok(Some(kept.clone())));
    assert_eq!(back.secret(&ended.sha256, now).await, Ok(None), "who signed out stays out");
    assert_eq!(back.secrets_of(whole.id, SecretKind::Session, now).await, Ok(vec![kept]), "a pointer that leads nowhere is nothing");
    assert_eq!(back.find_token("revoked", now).await, Ok(None), "what was revoked stays so");
    let living: Vec<String> = back.list_tokens().await.unwrap().into_iter().map(|token| token.sha256).collect();
    assert_eq!(living, ["living"]);
    assert!(back.add_token("Crew", "made", now).await.is_ok(), "what was not there can be made");
    let browsers: Vec<String> = back.subscriptions_of(whole.person).await.unwrap().into_iter().map(|found| found.sha256).collect();
    assert_eq!((browsers, back.subscription("hushed").await), (vec!["told".to_owned()], Ok(None)));

    assert_eq!(back.account_named(&address("whole")).await, Ok(Some(whole.clone())));
    assert_eq!(back.account_named(&address("moved")).await, Ok(Some(moved.clone())), "it is found by the address that it had");
    assert_eq!(back.account_named(&address("later")).await, Ok(None));
    assert_eq!(back.claim_name(&address("later"), whole.id, now).await, Ok(()), "a name of nobody is free");
    assert_eq!((back.account(leaving.id).await, back.account_named(&address("leaving")).await), (Ok(None), Ok(None)));
    assert_eq!(back.account(young.id).await, Ok(None));
    let again = Account { created_at: now, person: young.person, ..account("young") };
    assert_eq!(back.add_account(&again).await, Ok(()), "who is not in the copy signs up again, with all their names");
    for gone in ["DJ removed", "DJ leaving", "DJ moved"] {
        assert_eq!(back.claim_name(&Name::Dj(gone.to_owned()), whole.id, now).await, Err(StoreError::Taken), "{gone}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn many_rows_are_copied_in_pieces_and_their_sums_agree() {
    let store = fresh().await;
    let there = beside(&store.config).await;
    let put = "INSERT INTO likes (session, begin_seq, bucket, person, track_key, pos) VALUES (?, 1, ?, ?, 0x02, ?) USING TIMESTAMP 61";
    let put = there.prepare(put).await.unwrap();
    for n in 0..3_000_i64 {
        there.execute_unpaged(&put, (format!("s{}", n % 40), (n % 8) as i32, n.to_be_bytes().to_vec(), n)).await.unwrap();
    }
    let first = copied(&store.config).await;
    let config = unmade();
    put_back(&config, version(&store.config).await, first.clone()).await;
    let tallies = |copied: &Copied| copied.iter().map(|(table, _, tally)| (*table, *tally)).collect::<Vec<_>>();
    assert_eq!(tallies(&first), tallies(&copied(&config).await));
    assert!(tallies(&first).iter().any(|(table, tally)| *table == "likes" && tally.rows == 3_000));
}

#[tokio::test]
async fn a_keyspace_that_holds_anything_is_refused_and_one_filled_by_half_is_no_store() {
    let store = fresh().await;
    let refused = Target::make(&store.config, 4).await.err().unwrap().to_string();
    assert!(refused.contains(&store.config.keyspace) && refused.contains("holds tables already"), "{refused}");

    let config = unmade();
    let target = Target::make(&config, 4).await.unwrap();
    for said in [Cql::open(&config).await.err().unwrap(), migrate(&config).await.err().unwrap(), Source::open(&config).await.err().unwrap()]
    {
        assert!(said.to_string().contains("pika restore"), "{said}");
    }
    let columns = fill(&target, "days", vec![b"{\"table\":\"days\",\"columns\":[]}\n".to_vec()]).await.err().unwrap().to_string();
    assert!(columns.contains("days is not made as the copy"), "{columns}");
    assert!(fill(&target, "nobodys", Vec::new()).await.is_err());
    drop(target);
    Target::discard(&config).await.unwrap();
    let gone = Cql::open(&config).await.err().unwrap().to_string();
    assert!(gone.contains("pika migrate"), "{gone}");
    let newer = Target::make(&config, 99).await.err().unwrap().to_string();
    assert!(newer.contains("newer version"), "{newer}");
}

#[tokio::test]
async fn a_keyspace_is_noted_as_being_filled_before_its_first_table_is_made() {
    let _present = PRESENT.read().await;
    let config = unmade();
    let session = beside(&Config { keyspace: "system".to_owned(), ..config.clone() }).await;
    let tables = format!("SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{}'", config.keyspace);
    let notes = format!("SELECT program FROM {}.migrations WHERE program = 'pika restore'", config.keyspace);
    let mut looks = 0;
    let mut made = std::pin::pin!(Target::make(&config, 4));
    let target = loop {
        tokio::select! {
            made = &mut made => break made.unwrap(),
            there = all(&session, &tables) => {
                let first = there.iter().flatten().flatten().any(|name| name.as_text().is_some_and(|name| !name.starts_with("migration")));
                // The last thing that is made is asked first, so what is seen of the note is no older.
                if first {
                    looks += 1;
                    assert_eq!(all(&session, &notes).await.len(), 1, "a table, and no note");
                }
            }
        }
    };
    assert!(looks > 3, "it was looked at {looks} times while tables were made");
    drop(target);
    Target::discard(&config).await.unwrap();
}

/// The third step gives each account a person of its own, so it needs the rows.
#[tokio::test]
async fn rows_of_an_older_version_are_put_back_as_that_and_then_brought_up_to_date() {
    let _present = PRESENT.read().await;
    let (old, new) = (unmade(), unmade());
    Target::make(&old, 2).await.unwrap();
    let there = beside(&old).await;
    run(
        &there,
        &[
            "DELETE FROM migrations WHERE program = 'pika restore'",
            "INSERT INTO accounts (id, version, person, created_at) VALUES ('first', 1, 'somebody', 5)",
        ],
    )
    .await;
    let source = Source::open(&old).await.unwrap();
    assert_eq!((source.version, source.tables().contains(&"pushes")), (2, false));
    put_back(&new, 2, copied(&old).await).await;
    Cql::open(&new).await.unwrap();
    let claimed = all(&beside(&new).await, "SELECT account FROM account_names WHERE kind = 'person' AND name = 'somebody'").await;
    assert_eq!(claimed, [[Some(CqlValue::Text("first".to_owned()))]]);
}
