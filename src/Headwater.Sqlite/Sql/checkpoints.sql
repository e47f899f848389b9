-- name: state
SELECT position, generation, trimmed_to, fence FROM checkpoints WHERE name = ?1;

-- name: move_checkpoint
UPDATE checkpoints SET position = ?4 WHERE name = ?1 AND position = ?2 AND generation = ?3 AND fence = ?5;

-- name: insert_checkpoint
INSERT INTO checkpoints (name, position, generation, trimmed_to) VALUES (?1, ?2, 0, 0) ON CONFLICT DO NOTHING;

-- name: claim
INSERT INTO checkpoints (name, position, generation, trimmed_to, fence) VALUES (?1, 0, 0, 0, ?2)
ON CONFLICT (name) DO UPDATE SET fence = max(fence, ?2);

-- name: next_generation
INSERT INTO checkpoints (name, position, generation, trimmed_to) VALUES (?1, 0, 1, 0)
ON CONFLICT (name) DO UPDATE SET position = 0, generation = generation + 1, trimmed_to = 0;

-- name: set_trimmed
UPDATE checkpoints SET trimmed_to = max(trimmed_to, ?2) WHERE name = ?1;

-- name: insert_skipped
INSERT INTO skipped_events (subscription, position, stream, type, error, skipped_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- name: read_skipped
SELECT position, stream, type, error, skipped_at FROM skipped_events
WHERE subscription = ?1 ORDER BY id DESC LIMIT ?2;
