use rusqlite::{Connection, params};
use schemas::{Partition, Pos};

use super::rows;

pub fn save(c: &Connection, partition: Partition, upto: Pos) -> rusqlite::Result<()> {
    let sql = "INSERT INTO positions VALUES (?, ?)
        ON CONFLICT DO UPDATE SET pos = excluded.pos WHERE excluded.pos > positions.pos";
    rows::change(c, sql, params![partition.0, upto.0]).map(drop)
}

pub fn of(c: &Connection, partition: Partition) -> rusqlite::Result<Option<Pos>> {
    rows::first(c, "SELECT pos FROM positions WHERE partition = ?", [partition.0], rows::pos)
}
