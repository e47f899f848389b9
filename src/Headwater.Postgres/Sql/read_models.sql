-- name: state
SELECT position, generation, trimmed_to, fence FROM {schema}.checkpoints WHERE name = $1;

-- name: lock_state
SELECT position, generation, trimmed_to, fence FROM {schema}.checkpoints WHERE name = $1 FOR UPDATE;

-- name: claim
INSERT INTO {schema}.checkpoints AS c (name, fence) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET fence = greatest(c.fence, excluded.fence)
RETURNING position, generation, trimmed_to, fence;

-- name: move_checkpoint
SELECT {schema}.move_checkpoint($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: read_skipped
SELECT position, stream, type, error, skipped_at FROM {schema}.skipped_events
WHERE subscription = $1 ORDER BY id DESC LIMIT $2;

-- name: commit_rows
SELECT {schema}.commit_rows($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- The state stands in every row, so that both are of one snapshot; without rows there is one row without key.
-- name: read_row
SELECT coalesce(c.position, 0), coalesce(c.generation, 0), coalesce(c.trimmed_to, 0), coalesce(c.fence, 0), r.key, r.position, r.data
FROM (SELECT $1::text AS name) n
LEFT JOIN {schema}.checkpoints c ON c.name = n.name
LEFT JOIN {schema}.rows r ON r.model = n.name AND r.key = $2 AND r.data IS NOT NULL;

-- name: read_row_data
SELECT data FROM {schema}.rows WHERE model = $1 AND key = $2 AND data IS NOT NULL;

-- The model's name and the conditions stand in the text, because only so the partial indexes of its fields apply.
-- name: find_rows
SELECT coalesce(c.position, 0), coalesce(c.generation, 0), coalesce(c.trimmed_to, 0), coalesce(c.fence, 0), r.key, r.position, r.data
FROM (SELECT 1) n
LEFT JOIN {schema}.checkpoints c ON c.name = '{model}'
LEFT JOIN (
  SELECT key, position, data FROM {schema}.rows
  WHERE model = '{model}' AND data IS NOT NULL{conditions} AND key > $1
  ORDER BY key LIMIT $2) r ON true
ORDER BY r.key;

-- A page of changes, and with it the rest of those of its last event.
-- name: read_changes
WITH state AS MATERIALIZED (SELECT position, generation, trimmed_to, fence FROM {schema}.checkpoints WHERE name = $1),
page AS MATERIALIZED (
  SELECT r.key, r.position, r.data FROM {schema}.rows r
  WHERE r.model = $1 AND r.position > $2 AND r.position <= (SELECT s.position FROM state s)
  ORDER BY r.position, r.key LIMIT $3),
last AS MATERIALIZED (SELECT p.position, p.key FROM page p ORDER BY p.position DESC, p.key DESC LIMIT 1),
changes AS (
  SELECT p.key, p.position, p.data FROM page p
  UNION ALL
  SELECT r.key, r.position, r.data FROM {schema}.rows r
  WHERE r.model = $1 AND r.position = (SELECT l.position FROM last l) AND r.key > (SELECT l.key FROM last l))
SELECT coalesce(s.position, 0), coalesce(s.generation, 0), coalesce(s.trimmed_to, 0), coalesce(s.fence, 0), c.key, c.position, c.data
FROM (SELECT 1) n LEFT JOIN state s ON true LEFT JOIN changes c ON true
ORDER BY c.position, c.key;

-- name: read_changes_of
SELECT coalesce(c.position, 0), coalesce(c.generation, 0), coalesce(c.trimmed_to, 0), coalesce(c.fence, 0), r.key, r.position, r.data
FROM (SELECT $1::text AS name) n
LEFT JOIN {schema}.checkpoints c ON c.name = n.name
LEFT JOIN {schema}.rows r ON r.model = n.name AND r.key = $3 AND r.position > $2 AND r.position <= c.position;

-- The log that the read models here are made from, if it is another database.
-- name: bind
UPDATE {schema}.meta SET log = coalesce(log, $1) RETURNING log;

-- name: reset
WITH deleted AS (DELETE FROM {schema}.rows WHERE model = $1)
INSERT INTO {schema}.checkpoints AS c (name, generation) VALUES ($1, 1)
ON CONFLICT (name) DO UPDATE SET position = 0, generation = c.generation + 1, trimmed_to = 0;

-- Who has seen the last deletion that is forgotten has missed none, so only cursors before it are cut off.
-- name: trim_deletions
WITH forgotten AS (DELETE FROM {schema}.rows WHERE model = $1 AND position <= $2 AND data IS NULL RETURNING position)
UPDATE {schema}.checkpoints SET trimmed_to = greatest(trimmed_to, (SELECT max(f.position) FROM forgotten f))
WHERE name = $1 AND EXISTS (SELECT FROM forgotten);

-- name: row_indexes
SELECT i.relname, pg_get_indexdef(i.oid), x.indisvalid, EXISTS (SELECT FROM pg_stat_progress_create_index b WHERE b.index_relid = i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = '{schema}.rows'::regclass AND starts_with(i.relname, $1);
