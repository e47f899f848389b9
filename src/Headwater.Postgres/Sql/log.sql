-- name: epoch
SELECT epoch, version, store FROM {schema}.meta;

-- What must be true of the server.
-- name: server
SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), current_setting('default_transaction_isolation'),
  pg_is_in_recovery(), current_setting('synchronous_commit'), pg_backend_pid();

-- name: head
SELECT readable, issued, held FROM {schema}.head();

-- Whether every other transaction that may still add a position at or below $1 has ended; if not, whether one of them waits for this
-- one, be it by way of others.
-- name: settled
WITH RECURSIVE open AS (
  SELECT l.pid
  FROM pg_locks l, {schema}.meta m
  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = m.store AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    AND ((l.classid::bigint & 65535) << 32 | l.objid::bigint) < $1
), needed AS (
  SELECT o.pid FROM open o
  UNION
  SELECT unnest(pg_blocking_pids(n.pid)) FROM needed n
)
SELECT NOT EXISTS (SELECT FROM open), EXISTS (SELECT FROM needed n WHERE n.pid = pg_backend_pid());

-- Who keeps readers at position $1, the longest open first: a session, or a transaction that was prepared and forgotten.
-- name: holder
SELECT l.pid, a.application_name, a.state, p.gid,
  extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared))::double precision
FROM {schema}.meta m, pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = m.store
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND ((l.classid::bigint & 65535) << 32 | l.objid::bigint) <= $1
ORDER BY 5 DESC NULLS LAST LIMIT 1;

-- Appends with inline projections go one after the other.
-- name: inline_turn
SELECT pg_advisory_xact_lock(-m.store, 1) FROM {schema}.meta m;

-- What an append finds in a transaction of the application. Settings last as long as the transaction: it must not sit idle once it has
-- appended, and its commit is the log's, so it waits for the disk.
-- name: join
SELECT m.epoch, current_setting('transaction_isolation'), {schema}.limit_idling(),
  CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END
FROM {schema}.meta m;

-- name: append_one
SELECT {schema}.append_one($1, $2, $3, $4, $5, $6, $7, $8);

-- name: append_many
SELECT codes, versions, at
FROM {schema}.append_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21);

-- name: events_by_id
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM {schema}.events WHERE event_id = ANY ($1);

-- name: read_all
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM {schema}.events WHERE position > $1 AND position <= $2
ORDER BY position LIMIT $3;

-- name: read_category
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM {schema}.events WHERE category = $4 AND position > $1 AND position <= $2
ORDER BY position LIMIT $3;

-- name: read_tagged
SELECT e.position, e.stream, e.version, e.type, e.schema_version, e.event_id, e.recorded_at, e.data, e.metadata, e.tags
FROM (
  SELECT t.position FROM {schema}.event_tags t WHERE t.key = $4 AND t.value = $5 AND t.position > $1 AND t.position <= $2
  ORDER BY t.position LIMIT $3
) t JOIN {schema}.events e ON e.position = t.position
ORDER BY e.position;

-- Versions and positions of a stream grow together, so its index by version serves. The version that stood at $1 is looked for from
-- the stream's end, because most ask for what is new.
-- name: read_stream_between
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM {schema}.events
WHERE stream = $4 AND position <= $2 AND version > coalesce((
  SELECT e.version FROM {schema}.events e WHERE e.stream = $4 AND e.position <= $1 ORDER BY e.version DESC LIMIT 1), 0)
ORDER BY version LIMIT $3;

-- name: read_stream
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM {schema}.events WHERE stream = $1 AND version > $2
ORDER BY version LIMIT $3;

-- name: find_receipt
SELECT key, fingerprint, stream, version, position, refusal FROM {schema}.receipts WHERE key = $1;

-- name: trim_receipts
DELETE FROM {schema}.receipts WHERE key IN (SELECT key FROM {schema}.receipts WHERE created_at < $1 ORDER BY created_at LIMIT $2);

-- Tells the others, if there are any: who listens holds a lock that says so, and $3 is one's own. Without a row nobody was told, and
-- nothing is committed. A hint need not wait for the disk: if the server crashes, everybody looks again anyway.
-- name: notify
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)
WHERE EXISTS (
  SELECT FROM pg_locks l, {schema}.meta m
  WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid::bigint = (1::bigint << 32) - m.store AND l.objid::bigint NOT IN (1, $3)
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));

-- Says, for as long as the session lasts, that there is one that listens. (1 is the turn of inline projections.)
-- name: listen
SELECT pg_advisory_lock_shared(-m.store, $1) FROM {schema}.meta m;
