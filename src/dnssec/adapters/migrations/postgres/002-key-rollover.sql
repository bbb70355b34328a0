-- When the scheduler has something to do for a zone, in seconds: a renewal, a step of a rollover, another try.
ALTER TABLE zones ADD COLUMN due_at bigint;
UPDATE zones SET due_at = refresh_at;
DROP INDEX zones_refresh;
CREATE INDEX zones_due ON zones (due_at) WHERE due_at IS NOT NULL;

-- Grows with every write of how the signing stands, so that no writer overwrites what it has not seen.
ALTER TABLE zones ADD COLUMN state bigint NOT NULL DEFAULT 0;

-- The KMS keys that zones use, with what was last heard of them.
CREATE TABLE zone_kms_keys (
  zone bigint NOT NULL REFERENCES zones (id),
  region text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  latest bigint, -- its newest version; null until it was asked for
  status text COLLATE "C",
  PRIMARY KEY (zone, region, key_id)
);

CREATE INDEX zone_kms_keys_key ON zone_kms_keys (region, key_id);

-- What happened to the keys of zones.
CREATE TABLE zone_events (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  zone bigint NOT NULL,
  at bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  body text COLLATE "C" NOT NULL -- JSON
);

CREATE INDEX zone_events_zone ON zone_events (zone, number);
