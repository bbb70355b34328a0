-- Requests that are not to be carried out twice, with the answer that they were given.
CREATE TABLE zone_claims (
  principal TEXT NOT NULL,
  claim TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  answer TEXT NOT NULL, -- JSON
  at INTEGER NOT NULL,
  PRIMARY KEY (principal, claim)
) STRICT;

CREATE INDEX zone_claims_age ON zone_claims (at);
