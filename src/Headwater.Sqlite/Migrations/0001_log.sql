-- Positions are handed out by the one writer under the write lock, so the order of commits is the order of positions.
CREATE TABLE events (
  position       INTEGER PRIMARY KEY,
  stream         TEXT    NOT NULL,           -- category-key
  version        INTEGER NOT NULL,
  category       TEXT    NOT NULL,
  type           TEXT    NOT NULL,
  schema_version INTEGER NOT NULL,
  event_id       BLOB    NOT NULL,           -- 16 bytes, big-endian
  recorded_at    INTEGER NOT NULL,           -- microseconds since 1970, UTC
  data           BLOB    NOT NULL,           -- UTF-8 JSON
  metadata       TEXT,                       -- JSON, or null if there is none
  tags           TEXT                        -- JSON ["key", "value", "key", "value" ...], or null if there are none
) STRICT;

CREATE UNIQUE INDEX events_stream ON events (stream, version);
CREATE UNIQUE INDEX events_id ON events (event_id);
CREATE INDEX events_category ON events (category, position);

CREATE TABLE event_tags (
  key      TEXT    NOT NULL,
  value    TEXT    NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (key, value, position)
) STRICT, WITHOUT ROWID;

-- The answers of commands that carried an idempotency key.
CREATE TABLE receipts (
  key         TEXT    NOT NULL PRIMARY KEY,
  fingerprint TEXT    NOT NULL,
  stream      TEXT    NOT NULL,
  version     INTEGER NOT NULL,
  position    INTEGER NOT NULL,
  refusal     TEXT,
  created_at  INTEGER NOT NULL               -- microseconds since 1970, UTC
) STRICT, WITHOUT ROWID;

CREATE INDEX receipts_age ON receipts (created_at);

-- Where subscriptions and projections stand. trimmed_to: deletions of rows at or below it are forgotten.
CREATE TABLE checkpoints (
  name       TEXT    NOT NULL PRIMARY KEY,
  position   INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  trimmed_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE skipped_events (
  id           INTEGER PRIMARY KEY,
  subscription TEXT    NOT NULL,
  position     INTEGER NOT NULL,
  stream       TEXT    NOT NULL,
  type         TEXT    NOT NULL,
  error        TEXT    NOT NULL,
  skipped_at   INTEGER NOT NULL              -- microseconds since 1970, UTC
) STRICT;

CREATE INDEX skipped_events_subscription ON skipped_events (subscription, id);

-- The rows of read models; data is null where the row was deleted. Indexes on fields come and go with their declarations.
CREATE TABLE rows (
  model    TEXT    NOT NULL,
  key      TEXT    NOT NULL,
  position INTEGER NOT NULL,
  data     TEXT,
  PRIMARY KEY (model, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX rows_changed ON rows (model, position);
CREATE INDEX rows_deleted ON rows (model, position) WHERE data IS NULL;

CREATE TABLE meta (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
