use schemas::{Partition, Pos};
use scylla::statement::prepared::PreparedStatement;

use super::server::Server;
use super::values::{self, stamp};
use crate::StoreError;

pub struct Positions {
    put: PreparedStatement,
    of: PreparedStatement,
}

impl Positions {
    pub async fn prepare(server: &Server) -> Result<Self, StoreError> {
        Ok(Positions {
            put: server.to_write("INSERT INTO positions (log_partition, pos) VALUES (?, ?) USING TIMESTAMP ?").await?,
            of: server.to_read("SELECT pos FROM positions WHERE log_partition = ?").await?,
        })
    }

    pub async fn save(&self, server: &Server, partition: Partition, upto: Pos) -> Result<(), StoreError> {
        let pos = stamp(upto)?;
        server.put(&self.put, (i32::from(partition.0), pos, pos)).await
    }

    pub async fn of(&self, server: &Server, partition: Partition) -> Result<Option<Pos>, StoreError> {
        let found: Option<(i64,)> = server.first(&self.of, (i32::from(partition.0),)).await?;
        values::maybe(found, |(pos,)| values::pos(pos))
    }
}
