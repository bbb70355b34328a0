-- Who is told of what happens to the keys of zones, and how far each has come.
CREATE TABLE zone_webhooks (
  identity text COLLATE "C" PRIMARY KEY,
  organisation text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL, -- '' is the organisation itself
  url text COLLATE "C" NOT NULL,
  kinds text COLLATE "C", -- JSON; null is all
  created_at bigint NOT NULL,
  secret_hash text COLLATE "C" NOT NULL,
  delivered bigint NOT NULL, -- number of an event
  failures bigint NOT NULL,
  next_attempt_at bigint NOT NULL,
  last_error text COLLATE "C"
);

CREATE INDEX zone_webhooks_scope ON zone_webhooks (organisation, project);
CREATE INDEX zone_webhooks_next ON zone_webhooks (next_attempt_at);

-- Whoever writes events takes a turn first, so that their numbers grow in the order in which they become visible.
CREATE TABLE zone_event_turns (
  taken bigint NOT NULL
);
INSERT INTO zone_event_turns (taken) VALUES (0);
