-- name: find_receipt
SELECT key, fingerprint, stream, version, position, refusal FROM receipts WHERE key = ?1;

-- name: insert_receipt
INSERT INTO receipts (key, fingerprint, stream, version, position, refusal, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: trim_receipts
DELETE FROM receipts WHERE key IN (SELECT key FROM receipts WHERE created_at < ?1 ORDER BY created_at LIMIT ?2);
