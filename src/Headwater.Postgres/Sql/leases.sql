-- Times are the server's, read anew in each statement. A lease given up keeps its row, so that its fence goes on growing.
-- name: renew_node
WITH gone AS (DELETE FROM {schema}.nodes WHERE expires_at < clock_timestamp() - interval '1 day')
INSERT INTO {schema}.nodes (id, host, process_id, started_at, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + $5)
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at;

-- The names come in order, so that two nodes that want the same ones wait for each other and do not block each other.
-- name: renew_leases
INSERT INTO {schema}.leases AS l (name, owner, fence, expires_at)
SELECT w.name, $1, 1, clock_timestamp() + $3 FROM (SELECT u.name FROM unnest($2) u (name) ORDER BY u.name) w
ON CONFLICT (name) DO UPDATE SET
  fence = CASE WHEN l.owner = excluded.owner AND l.expires_at > clock_timestamp() THEN l.fence ELSE l.fence + 1 END,
  owner = excluded.owner, expires_at = excluded.expires_at
WHERE l.owner = excluded.owner OR l.expires_at <= clock_timestamp();

-- name: living_nodes
SELECT id, host, process_id, started_at FROM {schema}.nodes WHERE expires_at > clock_timestamp() ORDER BY started_at, id;

-- name: living_leases
SELECT name, owner, fence, expires_at FROM {schema}.leases WHERE expires_at > clock_timestamp() ORDER BY name;

-- name: release_leases
WITH gone AS (DELETE FROM {schema}.nodes WHERE id = $1)
UPDATE {schema}.leases SET expires_at = '-infinity' WHERE owner = $1;
