//! What a copy that took its time may have torn apart, put right while nobody takes the keyspace for a store.
//!
//! Rows are copied before what points to them. A pointer is written before its row and removed after it, so each of the two halves that may
//! be found alone says what happened while the copy went on:
//! - A row without its pointer was ended: a token was revoked, a browser signed out. It is ended again. Left as it is it would live on
//!   where nobody who lists or revokes it would find it.
//! - A pointer without its row is of a row that was made after its table had been read. Readers take it for nothing, and a claimed name is
//!   free after a minute, as after a step that never came to its end. Only a DJ's name, which is kept for ever, is taken away here.
//! - An account without one of its names was given another, or was being removed, which its person's row says. It gets its name back, or
//!   is removed.

use futures_util::TryStreamExt;
use schemas::{AccountId, Millis};
use scylla::DeserializeRow;
use scylla::serialize::row::SerializeRow;

use crate::accounts::{KEPT, STRAY_MS};
use crate::cql::accounts::AccountTables;
use crate::cql::server::Server;
use crate::cql::tokens;
use crate::{Account, Name, StoreError};

/// Rows of a page, and rows that are looked after at once.
const PAGE: i32 = 500;
const AT_ONCE: usize = 32;

/// What was put right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Tokens, secrets and subscriptions that ended while they were copied, and now again.
    pub ended: u64,
    /// Accounts whose removal was under way, and is now done.
    pub removed: u64,
    /// Names that were given back to the accounts that bear them.
    pub names: u64,
    /// Names of DJs that were claimed for accounts which the copy does not have.
    pub freed: u64,
}

/// In tables as they were at that version, of a copy that was begun then.
pub async fn mend(server: &Server, version: u32, begun: Millis) -> Result<Mended, StoreError> {
    let mut mended = Mended { ended: tokens(server).await?, ..Mended::default() };
    if version >= 2 {
        mended.ended += secrets(server).await?;
        let tables = AccountTables::prepare(server).await?;
        accounts(server, &tables, version, &mut mended).await?;
        mended.freed = djs(server, &tables, begun).await?;
    }
    if version >= 4 {
        mended.ended += subscriptions(server).await?;
    }
    Ok(mended)
}

#[derive(DeserializeRow)]
struct Token {
    sha256: String,
    folded_name: String,
    revoked_at: Option<i64>,
}

async fn tokens(server: &Server) -> Result<u64, StoreError> {
    let rows = "SELECT sha256, folded_name, revoked_at FROM tokens";
    let pointer = "SELECT sha256 FROM tokens_by_name WHERE bucket = ? AND folded_name = ? AND sha256 = ?";
    let end = format!("UPDATE tokens SET revoked_at = {} WHERE sha256 = ?", Millis::now().0);
    let key = |row: Token| {
        row.revoked_at.is_none().then(|| (row.sha256.clone(), (tokens::bucket(&row.folded_name), row.folded_name, row.sha256)))
    };
    end_unlisted(server, rows, pointer, &end, key).await
}

#[derive(DeserializeRow)]
struct Secret {
    sha256: String,
    account: Option<String>,
    kind: Option<String>,
}

async fn secrets(server: &Server) -> Result<u64, StoreError> {
    let rows = "SELECT sha256, account, kind FROM secrets";
    let pointer = "SELECT sha256 FROM secrets_by_account WHERE account = ? AND kind = ? AND sha256 = ?";
    // What is no account's is in no list.
    let key = |row: Secret| Some((row.sha256.clone(), (row.account?, row.kind?, row.sha256)));
    end_unlisted(server, rows, pointer, "DELETE FROM secrets WHERE sha256 = ?", key).await
}

#[derive(DeserializeRow)]
struct Subscription {
    sha256: String,
    person: Option<Vec<u8>>,
}

async fn subscriptions(server: &Server) -> Result<u64, StoreError> {
    let rows = "SELECT sha256, person FROM push_subscriptions";
    let pointer = "SELECT sha256 FROM push_subscriptions_by_person WHERE person = ? AND sha256 = ?";
    let key = |row: Subscription| Some((row.sha256.clone(), (row.person?, row.sha256)));
    end_unlisted(server, rows, pointer, "DELETE FROM push_subscriptions WHERE sha256 = ?", key).await
}

/// Ends each row that should be pointed to and is not. `key` gives the row's own key and that of its pointer.
async fn end_unlisted<R, K>(
    server: &Server,
    rows: &str,
    pointer: &str,
    end: &str,
    key: impl Fn(R) -> Option<(String, K)>,
) -> Result<u64, StoreError>
where
    R: for<'f, 'm> scylla::deserialize::row::DeserializeRow<'f, 'm> + Send + 'static,
    K: SerializeRow,
{
    let (rows, pointer, end) = (server.to_scan(rows, PAGE).await?, server.to_read(pointer).await?, server.to_write(end).await?);
    let (pointer, end) = (&pointer, &end);
    let looked_after = server.stream::<R, _>(&rows, ()).await?.map_ok(|row| {
        let keys = key(row);
        async move {
            let Some((sha256, to)) = keys else { return Ok(0) };
            if server.first::<(String,)>(pointer, to).await?.is_some() {
                return Ok(0);
            }
            server.put(end, (sha256,)).await.map(|()| 1)
        }
    });
    looked_after.try_buffer_unordered(AT_ONCE).try_fold(0, async |sum, ended: u64| Ok(sum + ended)).await
}

async fn accounts(server: &Server, tables: &AccountTables, version: u32, mended: &mut Mended) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = tables.page(server, after, PAGE as usize).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for account in page {
            names(server, tables, &account, version, mended).await?;
        }
    }
}

async fn names(server: &Server, tables: &AccountTables, account: &Account, version: u32, mended: &mut Mended) -> Result<(), StoreError> {
    if tables.owner(server, &Name::Person(account.person)).await? == Some((account.id.to_string(), KEPT.0)) {
        tables.take_away(server, account).await?;
        mended.removed += 1;
        return Ok(());
    }
    // Who an account is among the dancers is claimed by the third step, for the oldest first.
    for name in account.names().into_iter().filter(|name| version >= 3 || !matches!(name, Name::Person(_))) {
        if tables.owner(server, &name).await?.is_some_and(|(owner, _)| owner == account.id.to_string()) {
            continue;
        }
        // Whoever claimed it since and does not bear it in this copy never will.
        match tables.claim(server, &name, account.id, Millis::now().plus(STRAY_MS)).await {
            Ok(()) => mended.names += 1,
            // Two bear it, copied at different moments. It is the one's who has it; the other's account is there all the same.
            Err(StoreError::Taken) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Names that a DJ bore before the copy, and whose account is gone, stay taken: no one else goes live under the name of past evenings.
async fn djs(server: &Server, tables: &AccountTables, begun: Millis) -> Result<u64, StoreError> {
    let rows = server.to_scan("SELECT folded_name, id, created_at FROM djs", PAGE).await?;
    let free = &server.to_write("DELETE FROM djs WHERE folded_name = ?").await?;
    let found = server.stream::<(String, String, i64), _>(&rows, ()).await?;
    // A clock that made the name may be a little behind that of the copy.
    let young = found.try_filter(|(_, id, created_at)| {
        std::future::ready(id.parse::<AccountId>().is_ok() && begun.since(Millis(*created_at)) < STRAY_MS)
    });
    let looked_after = young.map_ok(|(name, id, _)| async move {
        if tables.find(server, &id).await?.is_some() {
            return Ok(0);
        }
        server.put(free, (name,)).await.map(|()| 1)
    });
    looked_after.try_buffer_unordered(AT_ONCE).try_fold(0, async |sum, freed: u64| Ok(sum + freed)).await
}
