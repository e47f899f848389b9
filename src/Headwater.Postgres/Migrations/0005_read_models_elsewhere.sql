-- The epoch of the log that the read models here are made from, if that is another database; null until it is told.
ALTER TABLE {schema}.meta ADD COLUMN log text;
