//! Speaking to the servers: statements that are prepared once, asked and written under the deadlines and consistency of this store.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt, TryStreamExt};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::DefaultRetryPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::serialize::batch::BatchValues;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::CqlValue;
use tokio::sync::Semaphore;

use super::{Config, errors};
use crate::StoreError;

/// Statements of one save, or questions of one load, that are under way at once.
const LANES: usize = 32;
/// Rows in one batch. A hundred likes are thirty kilobytes: below what a server warns of, and few enough that a shard is not held up.
const BATCH: usize = 100;
/// A question that nobody answered for this long is put to one more replica as well. Well above what a healthy one takes, so that a
/// cluster under load is not asked twice.
const SECOND_REPLICA: Duration = Duration::from_millis(250);

pub struct Server {
    session: Session,
    keyspace: String,
    reading: ExecutionProfile,
    /// Writes under way, of all saves of this process together.
    seats: Semaphore,
}

/// What every request is sent with, unless it says otherwise: read and written by most replicas of this data centre, so that what was
/// saved is seen by whoever loads next.
pub fn profile(config: &Config) -> ExecutionProfile {
    let mut routing = DefaultPolicy::builder().token_aware(true);
    if let Some(datacenter) = &config.datacenter {
        routing = routing.prefer_datacenter(datacenter.clone());
    }
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(config.deadline))
        .load_balancing_policy(routing.build())
        // Tries another node where the first certainly, or an idempotent statement possibly, did nothing.
        .retry_policy(Arc::new(DefaultRetryPolicy::new()))
        // A write is not sent twice at once: a cluster that is slow to write has enough to do.
        .speculative_execution_policy(None)
        .build()
}

impl Server {
    pub fn new(session: Session, config: &Config) -> Self {
        let second = SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: SECOND_REPLICA };
        let reading = profile(config).to_builder().speculative_execution_policy(Some(Arc::new(second))).build();
        Server { session, keyspace: config.keyspace.clone(), reading, seats: Semaphore::new(config.writes) }
    }

    /// For what is about the schema and not about rows.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// A question. It may be asked twice.
    pub async fn to_read(&self, cql: &str) -> Result<PreparedStatement, StoreError> {
        let mut statement = self.to_write(cql).await?;
        statement.set_execution_profile_handle(Some(self.reading.clone().into_handle()));
        Ok(statement)
    }

    /// A write that may arrive twice: it carries its own timestamp, or sets what it would set again.
    pub async fn to_write(&self, cql: &str) -> Result<PreparedStatement, StoreError> {
        let mut statement = self.to_claim(cql).await?;
        statement.set_is_idempotent(true);
        Ok(statement)
    }

    /// A write with a condition. Sent again after a time-out it would find its own row, so the driver must not repeat it.
    pub async fn to_claim(&self, cql: &str) -> Result<PreparedStatement, StoreError> {
        self.session.prepare(within(&self.keyspace, cql)).await.map_err(errors::of_prepare)
    }

    /// A question that takes its time: it is not put to a second replica, and is answered in pages of so many rows.
    pub async fn to_scan(&self, cql: &str, page: i32) -> Result<PreparedStatement, StoreError> {
        let mut statement = self.to_write(cql).await?;
        statement.set_page_size(page);
        Ok(statement)
    }

    /// The rows of the answer as they come, page by page.
    pub async fn stream<C, K>(
        &self,
        question: &PreparedStatement,
        key: K,
    ) -> Result<impl Stream<Item = Result<C, StoreError>> + use<C, K>, StoreError>
    where
        C: for<'f, 'm> DeserializeRow<'f, 'm> + Send + 'static,
        K: SerializeRow,
    {
        let pager = self.session.execute_iter(question.clone(), key).await.map_err(errors::of_pager)?;
        Ok(pager.rows_stream::<C>().map_err(errors::unreadable)?.map_err(errors::of_next_row))
    }

    /// All rows of the answer.
    pub async fn rows<C>(&self, question: &PreparedStatement, key: impl SerializeRow) -> Result<Vec<C>, StoreError>
    where
        C: for<'f, 'm> DeserializeRow<'f, 'm> + Send + 'static,
    {
        self.stream(question, key).await?.try_collect().await
    }

    /// The first row of an answer that has one row, or none.
    pub async fn first<C>(&self, question: &PreparedStatement, key: impl SerializeRow) -> Result<Option<C>, StoreError>
    where
        C: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let answer = self.session.execute_unpaged(question, key).await.map_err(errors::of_execution)?;
        answer.into_rows_result().map_err(errors::of_rows)?.maybe_first_row::<C>().map_err(errors::unreadable)
    }

    pub async fn put(&self, statement: &PreparedStatement, values: impl SerializeRow) -> Result<(), StoreError> {
        let _seat = self.seat().await?;
        self.session.execute_unpaged(statement, values).await.map_err(errors::of_execution).map(drop)
    }

    /// Statements for one partition, all or none of them: the one kind of batch that is no burden, because one replica set takes it
    /// as one write.
    pub async fn put_together(&self, statements: Vec<PreparedStatement>, values: impl BatchValues) -> Result<(), StoreError> {
        let _seat = self.seat().await?;
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements.into_iter().map(Into::into).collect());
        batch.set_is_idempotent(true);
        self.session.batch(&batch, values).await.map_err(errors::of_execution).map(drop)
    }

    /// Statements for several partitions, all or none of them. The servers write down first what they are about to do, so this is for
    /// what is rare.
    pub async fn put_all_or_none(&self, statements: Vec<(&PreparedStatement, Vec<CqlValue>)>) -> Result<(), StoreError> {
        let _seat = self.seat().await?;
        let (statements, values): (Vec<_>, Vec<_>) = statements.into_iter().map(|(statement, row)| (statement.clone().into(), row)).unzip();
        let mut batch = Batch::new_with_statements(BatchType::Logged, statements);
        batch.set_is_idempotent(true);
        self.session.batch(&batch, values).await.map_err(errors::of_execution).map(drop)
    }

    /// Whether the condition held.
    pub async fn claim(&self, statement: &PreparedStatement, values: impl SerializeRow) -> Result<bool, StoreError> {
        let answer = self.session.execute_unpaged(statement, values).await.map_err(errors::of_execution)?;
        applied(answer)
    }

    async fn seat(&self) -> Result<tokio::sync::SemaphorePermit<'_>, StoreError> {
        self.seats.acquire().await.map_err(errors::unavailable)
    }
}

/// The column `[applied]` of a conditional write's answer. ScyllaDB sends the old row along in any case, Cassandra only when the
/// condition did not hold, so nothing else may be expected.
pub fn applied(answer: scylla::response::query_result::QueryResult) -> Result<bool, StoreError> {
    let answer = answer.into_rows_result().map_err(errors::of_rows)?;
    let row = answer.first_row::<scylla::value::Row>().map_err(errors::unreadable)?;
    let column = answer.column_specs().get_by_name("[applied]").map(|(index, _)| index);
    match column.and_then(|index| row.columns.get(index)) {
        Some(Some(CqlValue::Boolean(applied))) => Ok(*applied),
        other => Err(errors::unreadable(format!("a conditional write was answered with {other:?}"))),
    }
}

/// Writes of one save.
pub type Writes<'a> = Vec<BoxFuture<'a, Result<(), StoreError>>>;

/// Runs them side by side. The first that fails ends it; whoever saves repeats the whole.
pub async fn all(writes: Writes<'_>) -> Result<(), StoreError> {
    futures_util::stream::iter(writes).buffer_unordered(LANES).try_collect().await
}

/// Asks side by side and gives all rows.
pub async fn gathered<T, F: Future<Output = Result<Vec<T>, StoreError>>>(
    questions: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, StoreError> {
    let answers: Vec<Vec<T>> = futures_util::stream::iter(questions).buffered(LANES).try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

/// Cuts rows into writes of one partition each, and long ones of these into batches.
pub fn by_partition<'a, C, K>(server: &'a Server, statement: &'a PreparedStatement, mut rows: Vec<C>, partition: fn(&C) -> K) -> Writes<'a>
where
    C: SerializeRow + Clone + Send + Sync + 'a,
    K: Ord,
{
    rows.sort_by_key(partition);
    let mut writes: Writes<'a> = Vec::new();
    for rows in rows.chunk_by(|one, other| partition(one) == partition(other)).flat_map(|rows| rows.chunks(BATCH)) {
        let rows = rows.to_vec();
        writes.push(Box::pin(async move {
            match rows.as_slice() {
                [row] => server.put(statement, row).await,
                rows => server.put_together(vec![statement.clone(); rows.len()], rows).await,
            }
        }));
    }
    writes
}

/// The statement with its one table's keyspace named. Servers warn of those that leave it to the connection.
fn within(keyspace: &str, cql: &str) -> String {
    let named = ["INTO ", "FROM ", "UPDATE "].iter().find_map(|word| {
        let (before, table) = cql.split_once(word)?;
        let own = !table.starts_with("system_");
        own.then(|| format!("{before}{word}{keyspace}.{table}"))
    });
    named.unwrap_or_else(|| cql.to_owned())
}

/// The statement that writes a row whole, under its place: `pos` is a column and the timestamp.
pub fn whole_row(table: &str, columns: &str) -> String {
    let markers: Vec<String> = columns.split(", ").map(|column| format!(":{column}")).collect();
    format!("INSERT INTO {table} ({columns}) VALUES ({}) USING TIMESTAMP :pos", markers.join(", "))
}
