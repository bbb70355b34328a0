-- A zone points to its contents, so that all of them are replaced at once, however many they are: new ones are written in
-- small transactions beside those that are published, and then pointed to.
ALTER TABLE zones ADD COLUMN contents INTEGER; -- null while it is the id

-- Contents that no zone points to, to be deleted bit by bit.
CREATE TABLE zone_leftovers (
  contents INTEGER PRIMARY KEY,
  -- When nobody writes them any more, in seconds.
  sweep_at INTEGER NOT NULL
) STRICT;

CREATE TABLE new_rrsets (
  contents INTEGER NOT NULL,
  owner_key BLOB NOT NULL, -- sorts canonically
  type INTEGER NOT NULL,
  owner BLOB NOT NULL,
  ttl INTEGER NOT NULL,
  rdatas BLOB NOT NULL,
  rrsigs BLOB, -- null while unsigned
  refresh_at INTEGER,
  -- What the API shows; null for RRsets that the service makes.
  identity TEXT,
  name TEXT,
  content TEXT, -- JSON of the values as they were given
  created_at INTEGER,
  updated_at INTEGER,
  PRIMARY KEY (contents, owner_key, type)
) STRICT, WITHOUT ROWID;

INSERT INTO new_rrsets SELECT * FROM zone_rrsets;
DROP TABLE zone_rrsets;
ALTER TABLE new_rrsets RENAME TO zone_rrsets;
CREATE UNIQUE INDEX zone_rrsets_identity ON zone_rrsets (contents, identity) WHERE identity IS NOT NULL;
CREATE INDEX zone_rrsets_refresh ON zone_rrsets (contents, refresh_at) WHERE refresh_at IS NOT NULL;

CREATE TABLE new_links (
  contents INTEGER NOT NULL,
  place BLOB NOT NULL,
  name_key BLOB NOT NULL,
  owner BLOB NOT NULL,
  ttl INTEGER NOT NULL,
  rdata BLOB NOT NULL,
  rrsigs BLOB NOT NULL,
  refresh_at INTEGER NOT NULL,
  PRIMARY KEY (contents, place)
) STRICT, WITHOUT ROWID;

INSERT INTO new_links SELECT * FROM zone_links;
DROP TABLE zone_links;
ALTER TABLE new_links RENAME TO zone_links;
CREATE INDEX zone_links_name ON zone_links (contents, name_key);
CREATE INDEX zone_links_refresh ON zone_links (contents, refresh_at);
