-- Accounts, what their people hold, and who did what. Times are milliseconds since 1970; ids are 16 bytes in base64url.

CREATE TABLE accounts (
  id           TEXT    PRIMARY KEY, -- also the id of the DJ in `djs`
  version      INTEGER NOT NULL,    -- a row is only replaced by its next version
  email        TEXT    NOT NULL,    -- lower case
  verified_at  INTEGER,
  display_name TEXT    NOT NULL,
  slug         TEXT    NOT NULL,
  password     TEXT,                -- argon2id in PHC form; bcrypt's from an older Pika until its owner signs in
  person       TEXT    NOT NULL,
  created_at   INTEGER NOT NULL,
  last_sign_in INTEGER,
  suspended_at INTEGER,
  roles        TEXT    NOT NULL,    -- JSON list of {role, granted_at, granted_by}
  identities   TEXT    NOT NULL,    -- JSON list of {provider, subject, linked_at}
  profile      TEXT    NOT NULL,    -- JSON
  preferences  TEXT    NOT NULL     -- JSON: {version, chosen}
) STRICT, WITHOUT ROWID;

-- Names that at most one account bears. A DJ's name stands in `djs`.
CREATE TABLE account_names (
  kind       TEXT    NOT NULL, -- email, slug, identity
  name       TEXT    NOT NULL,
  account    TEXT    NOT NULL,
  claimed_at INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  sha256     TEXT    PRIMARY KEY, -- the secret itself is never stored
  kind       TEXT    NOT NULL,
  account    TEXT,
  family     TEXT    NOT NULL,
  label      TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used  INTEGER,             -- to the minute
  used_at    INTEGER,
  about      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX secrets_by_account ON secrets (account, kind, created_at);
CREATE INDEX secrets_by_end     ON secrets (expires_at);

CREATE TABLE audit (
  at      INTEGER NOT NULL,
  id      TEXT    NOT NULL,
  account TEXT,
  actor   TEXT,
  action  TEXT    NOT NULL,
  detail  TEXT    NOT NULL,
  PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_account ON audit (account, at, id);

-- A DJ who takes another name has two for a moment, so the name is the key now and the id is not. Beside it, what a DJ calls each of
-- several tokens.
CREATE TABLE dj_names (
  folded_name TEXT    PRIMARY KEY, -- lower case: names compare without case
  id          TEXT    NOT NULL,
  name        TEXT    NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;
INSERT INTO dj_names SELECT folded_name, id, name, created_at FROM djs;
CREATE TABLE dj_tokens (
  sha256     TEXT    PRIMARY KEY, -- of the token; the token itself is never stored
  dj         TEXT    NOT NULL,
  label      TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  last_used  INTEGER,             -- to the minute
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO dj_tokens SELECT sha256, dj, '', created_at, last_used, revoked_at FROM tokens;
DROP TABLE tokens;
DROP TABLE djs;
ALTER TABLE dj_names RENAME TO djs;
ALTER TABLE dj_tokens RENAME TO tokens;
CREATE INDEX djs_by_id ON djs (id, created_at);
CREATE INDEX tokens_by_dj ON tokens (dj);
