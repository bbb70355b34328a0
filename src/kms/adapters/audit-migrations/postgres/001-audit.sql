CREATE TABLE audit_events (
  number bigint PRIMARY KEY,
  at bigint NOT NULL,
  operation text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  principal text COLLATE "C" NOT NULL,
  organisation text COLLATE "C" NOT NULL,
  key text COLLATE "C",
  -- JSON; the columns before it repeat parts of it for the look-ups.
  body text COLLATE "C" NOT NULL,
  hash bytea NOT NULL
);

CREATE INDEX audit_events_of_organisation ON audit_events (organisation, number);
CREATE INDEX audit_events_of_key ON audit_events (key, number) WHERE key IS NOT NULL;

-- One row: where the log ends.
CREATE TABLE audit_head (
  one bigint PRIMARY KEY CHECK (one = 1),
  number bigint NOT NULL,
  hash bytea NOT NULL,
  seal bytea NOT NULL
);
