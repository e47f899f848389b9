-- name: begin_read
BEGIN;

-- name: end_read
COMMIT;

-- Takes the write lock and changes nothing.
-- name: lock
DELETE FROM meta WHERE false;

-- name: savepoint
SAVEPOINT headwater_item;

-- name: release
RELEASE headwater_item;

-- name: rollback_to
ROLLBACK TO headwater_item;

-- name: data_version
PRAGMA data_version;

-- name: epoch
SELECT value FROM meta WHERE name = 'epoch';

-- The log that the read models here are made from, if it is another database.
-- name: bind
INSERT INTO meta (name, value) VALUES ('log', ?1) ON CONFLICT (name) DO UPDATE SET value = value RETURNING value;

-- name: insert_epoch
INSERT INTO meta (name, value) VALUES ('epoch', ?1) ON CONFLICT DO NOTHING;
