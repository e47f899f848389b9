-- {schema} is the schema's name, quoted; {store} a number by which the locks of this log are told from those of others in the database.

-- Positions are handed out in the order in which they are asked for, one at a time, and not in the order of commits: head() says
-- how far the log can be read.
CREATE SEQUENCE {schema}.positions AS bigint MINVALUE 1 CACHE 1;

CREATE TABLE {schema}.events (
  position       bigint      NOT NULL PRIMARY KEY,
  stream         text        COLLATE "C" NOT NULL,                 -- category-key
  version        bigint      NOT NULL,
  category       text        COLLATE "C" NOT NULL GENERATED ALWAYS AS (split_part(stream, '-', 1)) STORED,
  type           text        COLLATE "C" NOT NULL,
  schema_version integer     NOT NULL,
  event_id       uuid        NOT NULL,
  recorded_at    timestamptz NOT NULL,
  data           json        NOT NULL,                             -- json and not jsonb: the text stays as it was appended
  metadata       json,                                             -- null if there is none
  tags           json                                              -- ["key", "value", "key", "value" ...], or null if there are none
);

CREATE UNIQUE INDEX events_stream ON {schema}.events (stream, version);
CREATE UNIQUE INDEX events_id ON {schema}.events (event_id);
CREATE INDEX events_category ON {schema}.events (category, position);

CREATE TABLE {schema}.event_tags (
  key      text   COLLATE "C" NOT NULL,
  value    text   COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (key, value, position)
);

-- The answers of commands that carried an idempotency key.
CREATE TABLE {schema}.receipts (
  key         text        COLLATE "C" NOT NULL PRIMARY KEY,
  fingerprint text        NOT NULL,
  stream      text        NOT NULL,
  version     bigint      NOT NULL,
  position    bigint      NOT NULL,
  refusal     text,
  created_at  timestamptz NOT NULL
);

CREATE INDEX receipts_age ON {schema}.receipts (created_at);

-- Where subscriptions and projections stand. trimmed_to: deletions of rows at or below it are forgotten. fence: the number of the
-- lease its owner holds; whoever holds an older one cannot move it any more.
CREATE TABLE {schema}.checkpoints (
  name       text    COLLATE "C" NOT NULL PRIMARY KEY,
  position   bigint  NOT NULL DEFAULT 0,
  generation integer NOT NULL DEFAULT 0,
  trimmed_to bigint  NOT NULL DEFAULT 0,
  fence      bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE {schema}.skipped_events (
  id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription text        COLLATE "C" NOT NULL,
  position     bigint      NOT NULL,
  stream       text        NOT NULL,
  type         text        NOT NULL,
  error        text        NOT NULL,
  skipped_at   timestamptz NOT NULL
);

CREATE INDEX skipped_events_subscription ON {schema}.skipped_events (subscription, id);

-- The rows of read models; data is null where the row was deleted. Indexes on fields come and go with their declarations.
CREATE TABLE {schema}.rows (
  model    text   COLLATE "C" NOT NULL,
  key      text   COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  data     json,
  PRIMARY KEY (model, key)
) WITH (fillfactor = 80);

CREATE INDEX rows_changed ON {schema}.rows (model, position, key);
CREATE INDEX rows_deleted ON {schema}.rows (model, position) WHERE data IS NULL;

-- Who runs which subscription, and which nodes there are. fence grows with each change of owner.
CREATE TABLE {schema}.leases (
  name       text        COLLATE "C" NOT NULL PRIMARY KEY,
  owner      text        NOT NULL,
  fence      bigint      NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE {schema}.nodes (
  id         text        COLLATE "C" NOT NULL PRIMARY KEY,
  host       text        NOT NULL,
  process_id integer     NOT NULL,
  started_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
