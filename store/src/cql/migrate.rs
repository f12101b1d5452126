//! Bringing a keyspace up to date: steps forward, each noted once it is done. Several programs may do it at once; one of them works, the
//! others wait and find nothing left to do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use schemas::{Millis, PersonId};
use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::serialize::row::SerializeRow;
use scylla::statement::unprepared::Statement;

use super::{Config, connect, errors, server};
use crate::StoreError;

/// The version of a keyspace is how many of these it has taken. A step that was released is never changed; a change of the schema is one
/// more step. A step may be taken twice, after a crash in its middle, so each of its statements says IF NOT EXISTS.
const STEPS: &[(&str, &str)] = &[
    ("the first tables", include_str!("schema.cql")),
    ("accounts", include_str!("accounts.cql")),
    (PERSONS, ""),
    ("web push", include_str!("pushes.cql")),
    ("evenings that leave", include_str!("leaving.cql")),
];
/// The step that changes no table: who an account is among the dancers is claimed like a name.
const PERSONS: &str = "persons";

/// What is kept of the steps themselves, and who is taking them.
const OWN_TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS migrations (program text, version int, name text, applied_at bigint, PRIMARY KEY ((program), version))",
    "CREATE TABLE IF NOT EXISTS migration_lock (program text, holder text, PRIMARY KEY ((program)))",
];
const PROGRAM: &str = "pika";
/// Stands among the steps while a backup is being put back.
const RESTORE: &str = "pika restore";

/// A statement of a step may take this long: the servers of a cluster must agree on each.
const STATEMENT: Duration = Duration::from_secs(60);
/// Whoever takes the steps says so anew before each statement; a dead one is not waited for longer than this.
const HOLD_SECONDS: i32 = 120;
/// Accounts that claim who they are before the hold is renewed.
const CLAIMS_A_HOLD: usize = 500;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What `migrate` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Names of the steps that this call took. Empty: it was up to date.
    pub applied: Vec<&'static str>,
    pub version: usize,
}

pub async fn migrate(config: &Config) -> Result<Migrated, StoreError> {
    take(config, STEPS.len(), false).await
}

/// Takes the steps up to a version, for rows of that time, in a keyspace that nobody takes for a store until [`end_restore`]: the note
/// stands there before the first table.
pub async fn begin_restore(config: &Config, upto: usize) -> Result<(), StoreError> {
    take(config, upto, true).await.map(drop)
}

async fn take(config: &Config, upto: usize, restoring: bool) -> Result<Migrated, StoreError> {
    let session = connect::connect(config).await?;
    make_keyspace(&session, config).await?;
    session.use_keyspace(&config.keyspace, true).await.map_err(errors::unavailable)?;
    for table in OWN_TABLES {
        define(&session, table).await?;
    }
    let holder = format!("{:016x}", rand::random::<u64>());
    let lock = format!("{}.migration_lock", config.keyspace);
    hold(&session, &lock, &holder).await?;
    let done = take_steps(&session, config, upto, restoring, &lock, &holder).await;
    // Left alone after an error it runs out by itself.
    let free = format!("DELETE FROM {lock} WHERE program = ? IF holder = ?");
    let freed = conditional(&session, &free, (PROGRAM, holder.as_str())).await;
    let done = done?;
    freed?;
    Ok(done)
}

/// Refuses a keyspace whose tables this program does not know.
pub async fn expect_current(session: &Session, config: &Config) -> Result<(), StoreError> {
    let keyspace = &config.keyspace;
    let found = known_version(session, config).await?;
    if found < STEPS.len() {
        let place = format!("cql:{}/{keyspace}", config.nodes.join(","));
        return Err(StoreError::Unavailable(format!(
            "keyspace {keyspace} is at version {found} and this program needs {}: run `pika migrate --store {place}`",
            STEPS.len()
        )));
    }
    Ok(())
}

/// The version of a keyspace that this program knows; 0 where there is none.
pub async fn known_version(session: &Session, config: &Config) -> Result<usize, StoreError> {
    let keyspace = &config.keyspace;
    let missing = "SELECT keyspace_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'migrations'";
    let known: Vec<(String,)> = ask(session, missing, (keyspace.as_str(),)).await?;
    let found = if known.is_empty() { 0 } else { version(session, keyspace).await? };
    refuse_newer(config, found)?;
    Ok(found)
}

fn refuse_newer(config: &Config, found: usize) -> Result<(), StoreError> {
    let known = STEPS.len();
    if found > known {
        let words = "was made by a newer version of this program: its schema is";
        return Err(StoreError::Corrupt(format!("keyspace {} {words} {found}, this program knows up to {known}", config.keyspace)));
    }
    Ok(())
}

/// The last step that was taken. Where a backup was put back and not to its end no step counts.
async fn version(session: &Session, keyspace: &str) -> Result<usize, StoreError> {
    let half: Vec<(i32,)> = ask(session, &format!("SELECT version FROM {keyspace}.migrations WHERE program = ?"), (RESTORE,)).await?;
    if !half.is_empty() {
        let words = "is being filled by `pika restore`, or that broke off: then drop the keyspace and restore again";
        return Err(StoreError::Unavailable(format!("keyspace {keyspace} {words}")));
    }
    let taken: Vec<(i32,)> = ask(session, &format!("SELECT version FROM {keyspace}.migrations WHERE program = ?"), (PROGRAM,)).await?;
    let newest = taken.into_iter().map(|(version,)| version).max().unwrap_or_default();
    usize::try_from(newest).map_err(errors::unreadable)
}

/// Whether that table is of the steps themselves.
pub fn is_own(table: &str) -> bool {
    OWN_TABLES.iter().any(|made| made.split_whitespace().any(|word| word == table))
}

/// A table of that keyspace, if there is one.
pub async fn first_table(session: &Session, keyspace: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? LIMIT 1";
    Ok(ask::<(String,)>(session, sql, (keyspace,)).await?.into_iter().next().map(|(name,)| name))
}

async fn note_restore(session: &Session, keyspace: &str) -> Result<(), StoreError> {
    let note = format!("INSERT INTO {keyspace}.migrations (program, version, name, applied_at) VALUES (?, 0, 'begun', ?)");
    session.query_unpaged(note, (RESTORE, Millis::now().0)).await.map_err(errors::of_execution).map(drop)
}

pub async fn end_restore(session: &Session, keyspace: &str) -> Result<(), StoreError> {
    let free = format!("DELETE FROM {keyspace}.migrations WHERE program = ?");
    session.query_unpaged(free, (RESTORE,)).await.map_err(errors::of_execution).map(drop)
}

pub async fn drop_keyspace(session: &Session, keyspace: &str) -> Result<(), StoreError> {
    define(session, &format!("DROP KEYSPACE IF EXISTS {keyspace}")).await
}

async fn take_steps(
    session: &Session,
    config: &Config,
    upto: usize,
    restoring: bool,
    lock: &str,
    holder: &str,
) -> Result<Migrated, StoreError> {
    let found = version(session, &config.keyspace).await?;
    refuse_newer(config, found.max(upto))?;
    if restoring {
        if found > 0 {
            return Err(StoreError::Unavailable(format!("somebody else made the tables of keyspace {} just now", config.keyspace)));
        }
        note_restore(session, &config.keyspace).await?;
    }
    let mut applied = Vec::new();
    for (number, (name, step)) in (1..).zip(STEPS).take(upto).skip(found) {
        for statement in statements(step) {
            still_held(session, lock, holder).await?;
            define(session, &statement).await?;
        }
        if *name == PERSONS {
            claim_persons(session, &config.keyspace, lock, holder).await?;
        }
        let note = format!("INSERT INTO {}.migrations (program, version, name, applied_at) VALUES (?, ?, ?, ?)", config.keyspace);
        session.query_unpaged(note, (PROGRAM, number, *name, Millis::now().0)).await.map_err(errors::of_execution)?;
        applied.push(*name);
    }
    Ok(Migrated { applied, version: found.max(upto) })
}

/// Of two accounts that signed up in one browser the first keeps who they were, the other becomes somebody new. Doing it again changes
/// nothing.
async fn claim_persons(session: &Session, keyspace: &str, lock: &str, holder: &str) -> Result<(), StoreError> {
    let sql = format!("SELECT created_at, id, person, version FROM {keyspace}.accounts");
    let pages = session.query_iter(sql, ()).await.map_err(errors::unreadable)?;
    let rows = pages.rows_stream::<(i64, String, String, i64)>().map_err(errors::unreadable)?;
    let mut accounts: Vec<_> = rows.try_collect().await.map_err(errors::unreadable)?;
    accounts.sort();
    let claim = format!("INSERT INTO {keyspace}.account_names (kind, name, account, claimed_at) VALUES ('person', ?, ?, ?) IF NOT EXISTS");
    let claimed = format!("SELECT account FROM {keyspace}.account_names WHERE kind = 'person' AND name = ?");
    let renew = format!("UPDATE {keyspace}.accounts SET person = ?, version = ? WHERE id = ? IF version = ?");
    for (nth, (created_at, id, person, version)) in accounts.into_iter().enumerate() {
        if nth % CLAIMS_A_HOLD == 0 {
            still_held(session, lock, holder).await?;
        }
        let first = conditional(session, &claim, (&person, &id, created_at)).await?;
        if first || ask::<(String,)>(session, &claimed, (&person,)).await?.first().is_some_and(|(owner,)| *owner == id) {
            continue;
        }
        let somebody = PersonId::random().to_string();
        conditional(session, &claim, (&somebody, &id, created_at)).await?;
        // Somebody who writes the account just now still knows the old one; the step fails and is taken again.
        if !conditional(session, &renew, (&somebody, version + 1, &id, version)).await? {
            return Err(StoreError::Unavailable(format!("account {id} was written meanwhile; run it again")));
        }
    }
    Ok(())
}

/// The statements of a step, without comments.
fn statements(step: &str) -> Vec<String> {
    let code: Vec<&str> = step.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code)).collect();
    code.join("\n").split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// Waits for its turn.
async fn hold(session: &Session, lock: &str, holder: &str) -> Result<(), StoreError> {
    let claim = format!("INSERT INTO {lock} (program, holder) VALUES (?, ?) IF NOT EXISTS USING TTL {HOLD_SECONDS}");
    let asked = Instant::now();
    while !conditional(session, &claim, (PROGRAM, holder)).await? {
        if asked.elapsed() > Duration::from_secs(HOLD_SECONDS as u64) + STATEMENT {
            return Err(StoreError::Unavailable("another migration has been running for minutes".to_owned()));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn still_held(session: &Session, lock: &str, holder: &str) -> Result<(), StoreError> {
    let renew = format!("UPDATE {lock} USING TTL {HOLD_SECONDS} SET holder = ? WHERE program = ? IF holder = ?");
    match conditional(session, &renew, (holder, PROGRAM, holder)).await? {
        true => Ok(()),
        false => Err(StoreError::Unavailable("another migration took over; run it again".to_owned())),
    }
}

async fn conditional(session: &Session, cql: &str, values: impl SerializeRow) -> Result<bool, StoreError> {
    server::applied(session.query_unpaged(cql, values).await.map_err(errors::of_execution)?)
}

async fn ask<C>(session: &Session, cql: &str, values: impl SerializeRow) -> Result<Vec<C>, StoreError>
where
    C: for<'f, 'm> scylla::deserialize::row::DeserializeRow<'f, 'm>,
{
    let answer = session.query_unpaged(cql, values).await.map_err(errors::of_execution)?;
    let answer = answer.into_rows_result().map_err(errors::of_rows)?;
    answer.rows::<C>().map_err(errors::unreadable)?.collect::<Result<_, _>>().map_err(errors::unreadable)
}

/// Changes the schema, and waits until all servers know.
async fn define(session: &Session, cql: &str) -> Result<(), StoreError> {
    change_schema(session, cql).await.map_err(errors::of_execution)
}

async fn change_schema(session: &Session, cql: &str) -> Result<(), ExecutionError> {
    let mut statement = Statement::new(cql);
    statement.set_request_timeout(Some(STATEMENT));
    statement.set_is_idempotent(true);
    session.query_unpaged(statement, ()).await.map(drop)
}

/// Copies of a row in a data centre, unless the operator said how many: any one server may be away while two of three agree.
const COPIES: usize = 3;

async fn make_keyspace(session: &Session, config: &Config) -> Result<(), StoreError> {
    let state = session.get_cluster_state();
    let mut datacenters: BTreeMap<String, usize> = BTreeMap::new();
    for node in state.get_nodes_info() {
        *datacenters.entry(node.datacenter.clone().unwrap_or_default()).or_default() += 1;
    }
    let copies = |nodes: usize| config.replication.unwrap_or(COPIES.min(nodes));
    let replication: Vec<String> =
        datacenters.iter().map(|(name, nodes)| format!("'{}': {}", name.replace('\'', "''"), copies(*nodes))).collect();
    let make = format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{'class': 'NetworkTopologyStrategy', {}}}",
        config.keyspace,
        replication.join(", ")
    );
    // Conditional writes came to ScyllaDB's tablets late, so there the keyspace does without them. A version that has no tablets, or
    // insists on them, does not understand the request and gets the plain one. Cassandra has never heard of them.
    let scylla = state.get_nodes_info().iter().any(|node| node.sharder().is_some());
    if scylla && change_schema(session, &format!("{make} AND tablets = {{'enabled': false}}")).await.is_ok() {
        return Ok(());
    }
    define(session, &make).await
}

/// The tables that the steps make.
#[cfg(test)]
pub fn tables() -> Vec<String> {
    let made =
        |step: &str| statements(step).into_iter().filter_map(|made| made.split_whitespace().nth(5).map(str::to_owned)).collect::<Vec<_>>();
    STEPS.iter().flat_map(|(_, step)| made(step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_stops_half_way_can_be_taken_again() {
        for (name, step) in STEPS {
            for statement in statements(step) {
                assert!(statement.starts_with("CREATE TABLE IF NOT EXISTS "), "{name}: {statement}");
            }
        }
    }

    #[test]
    fn no_table_forgets_by_time() {
        // Rows are written at places of long ago: whatever goes by a row's time would drop them at once, or never.
        for (_, step) in STEPS {
            let code = statements(step).join("\n").to_lowercase();
            assert!(!code.contains("time_to_live") && !code.contains("timewindow"), "{code}");
        }
    }
}
