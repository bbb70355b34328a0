-- How far the making of a whole version has come. It tells people how long to wait, and nothing goes by it.
CREATE TABLE zone_work (
  zone bigint PRIMARY KEY REFERENCES zones (id),
  begun_at bigint NOT NULL, -- milliseconds
  at bigint NOT NULL, -- milliseconds
  done bigint NOT NULL, -- RRsets
  total bigint NOT NULL -- RRsets
);
