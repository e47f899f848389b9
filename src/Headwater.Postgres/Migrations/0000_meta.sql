-- Run by the first node that finds no schema; the numbered scripts after it run once each.
CREATE TABLE {schema}.meta (
  only_one boolean  NOT NULL PRIMARY KEY DEFAULT true CHECK (only_one),
  epoch    text     NOT NULL,
  store    integer  NOT NULL,                -- by this the log's locks are told from those of other logs in the database
  version  integer  NOT NULL                 -- how many of the numbered scripts have run
);
