CREATE TABLE zone_feeds (
  zone INTEGER PRIMARY KEY REFERENCES zones (id),
  feed TEXT NOT NULL, -- JSON
  -- When the primaries are asked next, in seconds; null without any.
  due_at INTEGER
) STRICT;

CREATE INDEX zone_feeds_due ON zone_feeds (due_at) WHERE due_at IS NOT NULL;
