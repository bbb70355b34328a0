CREATE TABLE audit_events (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  operation TEXT NOT NULL,
  outcome TEXT NOT NULL,
  principal TEXT NOT NULL,
  organisation TEXT NOT NULL,
  key TEXT,
  -- JSON; the columns before it repeat parts of it for the look-ups.
  body TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;

CREATE INDEX audit_events_of_organisation ON audit_events (organisation, number);
CREATE INDEX audit_events_of_key ON audit_events (key, number) WHERE key IS NOT NULL;

-- One row: where the log ends.
CREATE TABLE audit_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  number INTEGER NOT NULL,
  hash BLOB NOT NULL,
  seal BLOB NOT NULL
) STRICT;
