-- How far the sources that bring events into this log have come. It is saved in the transaction that appends what they brought.
-- Of the transactions of the source, those whose commit stands before lsn are in the log, and the first `done` changes of the one whose
-- commit stands at lsn. lsn is null as long as the source has not begun: then it begins where its slot stands.
CREATE TABLE {schema}.sources (
  name     text    COLLATE "C" NOT NULL PRIMARY KEY,
  slot     text    NOT NULL,
  system   text,                             -- the server's system identifier
  timeline bigint,
  database text,
  lsn      pg_lsn,
  done     integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- What a source brought that is no event, if the application chose to go on without it.
CREATE TABLE {schema}.source_skipped (
  id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source     text        COLLATE "C" NOT NULL,
  lsn        pg_lsn      NOT NULL,           -- of the commit
  number     integer     NOT NULL,           -- of the change in its transaction, from 0
  error      text        NOT NULL,
  content    text,                           -- as it came; cut off if it is very long
  skipped_at timestamptz NOT NULL
);

CREATE INDEX source_skipped_source ON {schema}.source_skipped (source, id);

-- Lets a source begin where its slot stands, or with a new slot if there is none: what was committed in between is not taken over.
CREATE FUNCTION {schema}.begin_source_anew(source text, slot text) RETURNS void
LANGUAGE sql VOLATILE AS $$
  INSERT INTO {schema}.sources (name, slot) VALUES ($1, $2)
  ON CONFLICT (name) DO UPDATE SET slot = excluded.slot, system = NULL, timeline = NULL, database = NULL, lsn = NULL, done = 0;
$$;
