-- Web Push: browsers that want to be told, of what, and what they were told. Times are milliseconds since 1970.

CREATE TABLE push_subscriptions (
  sha256     TEXT    PRIMARY KEY, -- of the endpoint
  endpoint   TEXT    NOT NULL,
  p256dh     TEXT    NOT NULL,    -- the browser's public key, in base64url
  auth       TEXT    NOT NULL,    -- the secret that it shares with us
  key        TEXT    NOT NULL,    -- the public key of ours that it was given
  person     BLOB    NOT NULL,
  quiet      INTEGER NOT NULL,    -- 1: its person does not want announcements
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX push_subscriptions_by_person ON push_subscriptions (person, seen_at);
CREATE INDEX push_subscriptions_by_seen   ON push_subscriptions (seen_at);

-- Which browsers are told of a session's announcements, and until when.
CREATE TABLE push_followers (
  session TEXT    NOT NULL,
  sha256  TEXT    NOT NULL,
  until   INTEGER NOT NULL,
  PRIMARY KEY (session, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX push_followers_by_session      ON push_followers (session, until);
CREATE INDEX push_followers_by_end          ON push_followers (until);
CREATE INDEX push_followers_by_subscription ON push_followers (sha256);

-- Announcements that are pushed: who does it, and until when nobody else may.
CREATE TABLE pushes (
  session    TEXT    NOT NULL,
  seq        INTEGER NOT NULL, -- the announcement's place in the log
  holder     TEXT    NOT NULL,
  until      INTEGER NOT NULL,
  done       INTEGER NOT NULL, -- 1: everybody was told
  claimed_at INTEGER NOT NULL,
  PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX pushes_by_claim ON pushes (claimed_at);

-- To whom an announcement was pushed.
CREATE TABLE pushes_told (
  session TEXT    NOT NULL,
  seq     INTEGER NOT NULL,
  sha256  TEXT    NOT NULL,
  PRIMARY KEY (session, seq, sha256),
  FOREIGN KEY (session, seq) REFERENCES pushes (session, seq) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
