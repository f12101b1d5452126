-- Evenings that were let go of and whose rows may not all be gone. Written in the step that takes the run away, removed with its last row.
CREATE TABLE leaving (
  partition INTEGER NOT NULL,
  session   TEXT    NOT NULL,
  begin     INTEGER NOT NULL,
  PRIMARY KEY (partition, session, begin)
) STRICT, WITHOUT ROWID;
