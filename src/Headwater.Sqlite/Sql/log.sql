-- name: head
SELECT max(position) FROM events;

-- name: stream_version
SELECT max(version) FROM events WHERE stream = ?1;

-- name: position_of_version
SELECT position FROM events WHERE stream = ?1 AND version = ?2;

-- A known id inserts nothing, which the count of changes tells without the cost of an error.
-- name: insert_event
INSERT INTO events
  (position, stream, version, category, type, schema_version, event_id, recorded_at, data, metadata, tags)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (event_id) DO NOTHING;

-- name: insert_tag
INSERT INTO event_tags (key, value, position) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING;

-- name: event_by_id
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM events WHERE event_id = ?1;

-- name: read_all
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM events WHERE position > ?1 AND position <= ?2
ORDER BY position LIMIT ?3;

-- name: read_category
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM events WHERE category = ?4 AND position > ?1 AND position <= ?2
ORDER BY position LIMIT ?3;

-- CROSS JOIN keeps the tags outside: their index has the order and the bounds.
-- name: read_tagged
SELECT e.position, e.stream, e.version, e.type, e.schema_version, e.event_id, e.recorded_at, e.data, e.metadata, e.tags
FROM event_tags t CROSS JOIN events e ON e.position = t.position
WHERE t.key = ?4 AND t.value = ?5 AND t.position > ?1 AND t.position <= ?2
ORDER BY t.position LIMIT ?3;

-- name: read_stream
SELECT position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags
FROM events WHERE stream = ?1 AND version > ?2
ORDER BY version LIMIT ?3;
