-- name: source_load
SELECT slot, system, timeline, database, lsn, done FROM {schema}.sources WHERE name = $1;

-- name: source_announce
INSERT INTO {schema}.sources (name, slot) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: source_begin
UPDATE {schema}.sources SET system = $2, timeline = $3, database = $4, lsn = $5, done = 0 WHERE name = $1 AND lsn IS NULL;

-- name: source_timeline
UPDATE {schema}.sources SET timeline = $2 WHERE name = $1;

-- Moves a source's checkpoint if it stands where the caller believes.
-- name: source_move
UPDATE {schema}.sources SET lsn = $4, done = $5 WHERE name = $1 AND lsn = $2 AND done = $3;

-- name: source_skip
INSERT INTO {schema}.source_skipped (source, lsn, number, error, content, skipped_at) VALUES ($1, $2, $3, $4, $5, $6);

-- The rest is asked of the source's server.

-- name: slot
SELECT s.slot_name IS NOT NULL, s.plugin, s.database, s.active_pid, s.confirmed_flush_lsn, s.wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint,
  pg_current_wal_lsn()
FROM (SELECT 1) n LEFT JOIN pg_replication_slots s ON s.slot_name = $1;

-- What a publication publishes of a table; no row if there is no such publication.
-- name: publication
SELECT p.pubinsert, EXISTS (SELECT FROM pg_publication_tables t WHERE t.pubname = p.pubname AND t.schemaname = $2 AND t.tablename = $3)
FROM pg_publication p WHERE p.pubname = $1;

-- name: table_exists
SELECT to_regclass($1) IS NOT NULL;

-- A partitioned table is published as one.
-- name: create_publication_of_table
CREATE PUBLICATION {publication} FOR TABLE {table} WITH (publish = 'insert', publish_via_partition_root = true);

-- A publication must be there, even though messages need none.
-- name: create_publication
CREATE PUBLICATION {publication};
