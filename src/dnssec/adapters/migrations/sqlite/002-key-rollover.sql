-- When the scheduler has something to do for a zone, in seconds: a renewal, a step of a rollover, another try.
ALTER TABLE zones ADD COLUMN due_at INTEGER;
UPDATE zones SET due_at = refresh_at;
DROP INDEX zones_refresh;
CREATE INDEX zones_due ON zones (due_at) WHERE due_at IS NOT NULL;

-- Grows with every write of how the signing stands, so that no writer overwrites what it has not seen.
ALTER TABLE zones ADD COLUMN state INTEGER NOT NULL DEFAULT 0;

-- The KMS keys that zones use, with what was last heard of them.
CREATE TABLE zone_kms_keys (
  zone INTEGER NOT NULL REFERENCES zones (id),
  region TEXT NOT NULL,
  key_id TEXT NOT NULL,
  latest INTEGER, -- its newest version; null until it was asked for
  status TEXT,
  PRIMARY KEY (zone, region, key_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX zone_kms_keys_key ON zone_kms_keys (region, key_id);

-- What happened to the keys of zones.
CREATE TABLE zone_events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  zone INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL -- JSON
) STRICT;

CREATE INDEX zone_events_zone ON zone_events (zone, number);
