-- Everything the store keeps, on one page.
--
-- Times are milliseconds since 1970: SELECT datetime(began_at / 1000, 'unixepoch', 'localtime') FROM runs.
-- `pos` is the place in the log that a row reflects; a row never goes back to a smaller one.
-- A run is (session, begin): one evening, and the sequence at which it began. A play is named by its track's sequence.
-- There are no foreign keys between the rows of a run: rows of a flush may come in any order, here as in every other backend.

CREATE TABLE runs (
  session        TEXT    NOT NULL,
  begin          INTEGER NOT NULL,
  pos            INTEGER NOT NULL,
  -- The first epoch in which this run was written. `pos` cannot tell which run of a session is the latest, because a late
  -- like moves an old run's `pos` past a new run's; (epoch, begin) can, also after the log was rewound.
  epoch          INTEGER NOT NULL,
  partition      INTEGER NOT NULL,
  dj_name        TEXT    NOT NULL,
  slug           TEXT    NOT NULL,
  owner          TEXT    NOT NULL, -- JSON: {"dj": {"id": …}} or {"person": {…}}
  join_code      TEXT    NOT NULL,
  began_at       INTEGER NOT NULL,
  ended_at       INTEGER,
  end_reason     TEXT,             -- ended, grace, idle, age, lost
  tracks         INTEGER NOT NULL,
  likes          INTEGER NOT NULL,
  peak_listeners INTEGER NOT NULL,
  PRIMARY KEY (session, begin)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_open  ON runs (partition) WHERE ended_at IS NULL;
CREATE INDEX runs_ended ON runs (ended_at, begin) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_by_dj ON runs (slug, ended_at, begin, tracks) WHERE ended_at IS NOT NULL;

CREATE TABLE plays (
  session      TEXT    NOT NULL,
  begin        INTEGER NOT NULL,
  play         INTEGER NOT NULL,
  pos          INTEGER NOT NULL,
  track_key    BLOB    NOT NULL, -- SHA-256 of artist and title, however they were spelled
  artist       TEXT    NOT NULL,
  title        TEXT    NOT NULL,
  bpm          REAL,
  music_key    TEXT,
  energy       REAL,
  danceability REAL,
  brightness   REAL,
  acousticness REAL,
  groove       REAL,
  played_at    INTEGER NOT NULL,
  likes        INTEGER NOT NULL,
  faster       INTEGER NOT NULL,
  slower       INTEGER NOT NULL,
  perfect      INTEGER NOT NULL,
  PRIMARY KEY (session, begin, play)
) STRICT, WITHOUT ROWID;

-- Likes come in for the track that plays, so with the track before the person a flush touches a few neighbouring pages.
CREATE TABLE likes (
  session   TEXT    NOT NULL,
  begin     INTEGER NOT NULL,
  track_key BLOB    NOT NULL,
  person    BLOB    NOT NULL,
  pos       INTEGER NOT NULL,
  standing  INTEGER NOT NULL, -- 0 once taken back: the row stays, so that a late copy of the like cannot bring it back
  play      INTEGER NOT NULL,
  liked_at  INTEGER NOT NULL,
  ops       BLOB    NOT NULL, -- the last messageIds applied, 16 bytes each, oldest first; the same in wishes and votes
  PRIMARY KEY (session, begin, track_key, person)
) STRICT, WITHOUT ROWID;

-- In which runs a person liked something: the way from a person to their likes. An index of every like by person would
-- touch another page for each like of a flush; this is written once for a person and an evening.
CREATE TABLE likers (
  person  BLOB    NOT NULL,
  session TEXT    NOT NULL,
  begin   INTEGER NOT NULL,
  PRIMARY KEY (person, session, begin)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER like_added AFTER INSERT ON likes BEGIN
  INSERT INTO likers VALUES (new.person, new.session, new.begin) ON CONFLICT DO NOTHING;
END;

CREATE TABLE wishes (
  session    TEXT    NOT NULL,
  begin      INTEGER NOT NULL,
  play       INTEGER NOT NULL,
  person     BLOB    NOT NULL,
  pos        INTEGER NOT NULL,
  preference TEXT    NOT NULL, -- faster, slower, perfect; clear once taken back
  ops        BLOB    NOT NULL,
  PRIMARY KEY (session, begin, play, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE polls (
  session      TEXT    NOT NULL,
  begin        INTEGER NOT NULL,
  poll         INTEGER NOT NULL,
  pos          INTEGER NOT NULL,
  question     TEXT    NOT NULL,
  options      TEXT    NOT NULL, -- JSON list of texts
  allow_change INTEGER NOT NULL,
  opened       INTEGER NOT NULL,
  opened_at    INTEGER NOT NULL,
  ends_at      INTEGER,
  play         INTEGER,
  status       TEXT    NOT NULL, -- open; closing: no more votes, result not said yet; closed, cancelled
  void         INTEGER NOT NULL, -- closing towards cancelled
  close        INTEGER,          -- votes before this sequence count
  closed_at    INTEGER,
  votes        TEXT    NOT NULL, -- JSON list of counts, by option
  PRIMARY KEY (session, begin, poll)
) STRICT, WITHOUT ROWID;

CREATE TABLE votes (
  session TEXT    NOT NULL,
  begin   INTEGER NOT NULL,
  poll    INTEGER NOT NULL,
  person  BLOB    NOT NULL,
  pos     INTEGER NOT NULL,
  option  INTEGER NOT NULL,
  known   INTEGER NOT NULL, -- whether the person came with an identity of ours
  ops     BLOB    NOT NULL,
  PRIMARY KEY (session, begin, poll, person)
) STRICT, WITHOUT ROWID;

-- What a DJ's analysis found after the evening. It fills the gaps of that run's plays and never replaces what was sent.
CREATE TABLE fingerprints (
  session      TEXT    NOT NULL,
  begin        INTEGER NOT NULL,
  track_key    BLOB    NOT NULL,
  bpm          REAL,
  music_key    TEXT,
  energy       REAL,
  danceability REAL,
  brightness   REAL,
  acousticness REAL,
  groove       REAL,
  PRIMARY KEY (session, begin, track_key)
) STRICT, WITHOUT ROWID;

-- How far the fold of each partition is in the rows above.
CREATE TABLE positions (
  partition INTEGER PRIMARY KEY,
  pos       INTEGER NOT NULL
) STRICT;

CREATE TABLE djs (
  id          TEXT    PRIMARY KEY,
  name        TEXT    NOT NULL,
  folded_name TEXT    NOT NULL UNIQUE, -- lower case: names compare without case
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  sha256     TEXT    PRIMARY KEY, -- of the token; the token itself is never stored
  dj         TEXT    NOT NULL REFERENCES djs (id),
  created_at INTEGER NOT NULL,
  last_used  INTEGER,             -- to the minute
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_dj ON tokens (dj);

-- Sums over plays and runs, so that the front page reads ten rows and not all of them. Triggers keep them, in the same
-- transaction and whoever writes, so they are never a little off.
CREATE TABLE tracks (
  track_key BLOB    PRIMARY KEY,
  artist    TEXT    NOT NULL, -- as the latest play spelled it
  title     TEXT    NOT NULL,
  play      INTEGER NOT NULL,
  likes     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tracks_by_likes ON tracks (likes DESC, artist, title) WHERE likes > 0;

CREATE TABLE totals (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  runs   INTEGER NOT NULL,
  tracks INTEGER NOT NULL,
  likes  INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0);

CREATE TRIGGER play_added AFTER INSERT ON plays BEGIN
  INSERT INTO tracks VALUES (new.track_key, new.artist, new.title, new.play, new.likes)
  ON CONFLICT DO UPDATE SET
    artist = iif(excluded.play >= play, excluded.artist, artist),
    title  = iif(excluded.play >= play, excluded.title, title),
    play   = max(excluded.play, play),
    likes  = likes + excluded.likes;
END;
CREATE TRIGGER play_changed AFTER UPDATE ON plays
WHEN (old.likes, old.track_key, old.artist, old.title) IS NOT (new.likes, new.track_key, new.artist, new.title) BEGIN
  UPDATE tracks SET likes = likes - old.likes WHERE track_key = old.track_key;
  INSERT INTO tracks VALUES (new.track_key, new.artist, new.title, new.play, new.likes)
  ON CONFLICT DO UPDATE SET
    artist = iif(excluded.play >= play, excluded.artist, artist),
    title  = iif(excluded.play >= play, excluded.title, title),
    play   = max(excluded.play, play),
    likes  = likes + excluded.likes;
END;
CREATE TRIGGER play_removed AFTER DELETE ON plays BEGIN
  UPDATE tracks SET likes = likes - old.likes WHERE track_key = old.track_key;
END;

CREATE TRIGGER run_added AFTER INSERT ON runs BEGIN
  UPDATE totals SET runs = runs + 1, tracks = tracks + new.tracks, likes = likes + new.likes WHERE id = 1;
END;
CREATE TRIGGER run_changed AFTER UPDATE ON runs WHEN (old.tracks, old.likes) IS NOT (new.tracks, new.likes) BEGIN
  UPDATE totals SET tracks = tracks + new.tracks - old.tracks, likes = likes + new.likes - old.likes WHERE id = 1;
END;
CREATE TRIGGER run_removed AFTER DELETE ON runs BEGIN
  UPDATE totals SET runs = runs - 1, tracks = tracks - old.tracks, likes = likes - old.likes WHERE id = 1;
END;
