CREATE TABLE zone_feeds (
  zone bigint PRIMARY KEY REFERENCES zones (id),
  feed text COLLATE "C" NOT NULL, -- JSON
  -- When the primaries are asked next, in seconds; null without any.
  due_at bigint
);

CREATE INDEX zone_feeds_due ON zone_feeds (due_at) WHERE due_at IS NOT NULL;
