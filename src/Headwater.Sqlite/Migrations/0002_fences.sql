-- Grows with each change of a subscription's or projection's owner, so that a former owner's saves find it elsewhere.
ALTER TABLE checkpoints ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
