CREATE TABLE zones (
  id INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE,
  organisation TEXT NOT NULL,
  project TEXT NOT NULL, -- '' is the organisation itself
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  description TEXT,
  labels TEXT,
  annotations TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER,
  object_version INTEGER NOT NULL,
  -- The newest version of the contents, and its serial.
  version INTEGER NOT NULL,
  serial INTEGER NOT NULL,
  -- JSON; null while the zone is not signed.
  signing TEXT,
  -- When the first signature is due for renewal, in seconds.
  refresh_at INTEGER
) STRICT;

CREATE UNIQUE INDEX zones_name ON zones (name);
CREATE INDEX zones_list ON zones (organisation, project, created_at, identity);
CREATE INDEX zones_refresh ON zones (refresh_at) WHERE refresh_at IS NOT NULL;

CREATE TABLE zone_rrsets (
  zone INTEGER NOT NULL REFERENCES zones (id),
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
  PRIMARY KEY (zone, owner_key, type)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX zone_rrsets_identity ON zone_rrsets (identity) WHERE identity IS NOT NULL;
CREATE INDEX zone_rrsets_refresh ON zone_rrsets (zone, refresh_at) WHERE refresh_at IS NOT NULL;

CREATE TABLE zone_links (
  zone INTEGER NOT NULL REFERENCES zones (id),
  place BLOB NOT NULL,
  name_key BLOB NOT NULL,
  owner BLOB NOT NULL,
  ttl INTEGER NOT NULL,
  rdata BLOB NOT NULL,
  rrsigs BLOB NOT NULL,
  refresh_at INTEGER NOT NULL,
  PRIMARY KEY (zone, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX zone_links_name ON zone_links (zone, name_key);
CREATE INDEX zone_links_refresh ON zone_links (zone, refresh_at);

CREATE TABLE zone_versions (
  zone INTEGER NOT NULL REFERENCES zones (id),
  version INTEGER NOT NULL,
  serial INTEGER NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  principal TEXT,
  -- Records that the version took away and added; null where it replaced the whole zone and has no list of them.
  removed INTEGER,
  added INTEGER,
  PRIMARY KEY (zone, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE zone_differences (
  zone INTEGER NOT NULL,
  version INTEGER NOT NULL,
  position INTEGER NOT NULL,
  is_added INTEGER NOT NULL,
  owner BLOB NOT NULL,
  type INTEGER NOT NULL,
  ttl INTEGER NOT NULL,
  rdata BLOB NOT NULL,
  -- What the API showed of the RRset that this record belongs to, JSON; null for what the service makes.
  content TEXT,
  PRIMARY KEY (zone, version, position)
) STRICT, WITHOUT ROWID;
