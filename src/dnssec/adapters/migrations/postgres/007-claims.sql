-- Requests that are not to be carried out twice, with the answer that they were given.
CREATE TABLE zone_claims (
  principal text COLLATE "C" NOT NULL,
  claim text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL,
  answer text COLLATE "C" NOT NULL, -- JSON
  at bigint NOT NULL,
  PRIMARY KEY (principal, claim)
);

CREATE INDEX zone_claims_age ON zone_claims (at);
