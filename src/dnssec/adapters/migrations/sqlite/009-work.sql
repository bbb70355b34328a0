-- How far the making of a whole version has come. It tells people how long to wait, and nothing goes by it.
CREATE TABLE zone_work (
  zone INTEGER PRIMARY KEY REFERENCES zones (id),
  begun_at INTEGER NOT NULL, -- milliseconds
  at INTEGER NOT NULL, -- milliseconds
  done INTEGER NOT NULL, -- RRsets
  total INTEGER NOT NULL -- RRsets
) STRICT;
