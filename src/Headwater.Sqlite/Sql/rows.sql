-- name: set_row
INSERT INTO rows (model, key, position, data) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (model, key) DO UPDATE SET position = excluded.position, data = excluded.data;

-- name: read_row
SELECT key, position, data FROM rows WHERE model = ?1 AND key = ?2 AND data IS NOT NULL;

-- The model's name and the conditions stand in the text, because only so the partial indexes of its fields apply.
-- name: find_rows
SELECT key, position, data FROM rows
WHERE model = '{model}' AND data IS NOT NULL{conditions} AND key > ?1
ORDER BY key LIMIT ?2;

-- name: read_changes
SELECT key, position, data FROM rows
WHERE model = ?1 AND position > ?2 AND position <= ?3
ORDER BY position, key LIMIT ?4;

-- name: read_changes_at
SELECT key, position, data FROM rows
WHERE model = ?1 AND position = ?2 AND key > ?3
ORDER BY key;

-- name: read_changes_of
SELECT key, position, data FROM rows
WHERE model = ?1 AND key = ?4 AND position > ?2 AND position <= ?3;

-- name: delete_rows
DELETE FROM rows WHERE model = ?1;

-- name: last_deletion
SELECT max(position) FROM rows WHERE model = ?1 AND position <= ?2 AND data IS NULL;

-- name: trim_deletions
DELETE FROM rows WHERE model = ?1 AND position <= ?2 AND data IS NULL;

-- name: row_indexes
SELECT name, sql FROM sqlite_schema
WHERE type = 'index' AND tbl_name = 'rows' AND substr(name, 1, length(?1)) = ?1;
