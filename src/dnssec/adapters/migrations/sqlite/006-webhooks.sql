-- Who is told of what happens to the keys of zones, and how far each has come.
CREATE TABLE zone_webhooks (
  identity TEXT PRIMARY KEY,
  organisation TEXT NOT NULL,
  project TEXT NOT NULL, -- '' is the organisation itself
  url TEXT NOT NULL,
  kinds TEXT, -- JSON; null is all
  created_at INTEGER NOT NULL,
  secret_hash TEXT NOT NULL,
  delivered INTEGER NOT NULL, -- number of an event
  failures INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  last_error TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX zone_webhooks_scope ON zone_webhooks (organisation, project);
CREATE INDEX zone_webhooks_next ON zone_webhooks (next_attempt_at);

-- Whoever writes events takes a turn first, so that their numbers grow in the order in which they become visible.
CREATE TABLE zone_event_turns (
  taken INTEGER NOT NULL
) STRICT;
INSERT INTO zone_event_turns (taken) VALUES (0);
