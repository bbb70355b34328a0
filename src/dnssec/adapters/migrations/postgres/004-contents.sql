-- A zone points to its contents, so that all of them are replaced at once, however many they are: new ones are written in
-- small transactions beside those that are published, and then pointed to.
ALTER TABLE zones ADD COLUMN contents bigint; -- null while it is the id

-- Contents that no zone points to, to be deleted bit by bit.
CREATE TABLE zone_leftovers (
  contents bigint PRIMARY KEY,
  -- When nobody writes them any more, in seconds.
  sweep_at bigint NOT NULL
);

ALTER TABLE zone_rrsets DROP CONSTRAINT zone_rrsets_zone_fkey;
ALTER TABLE zone_rrsets RENAME COLUMN zone TO contents;
DROP INDEX zone_rrsets_identity;
CREATE UNIQUE INDEX zone_rrsets_identity ON zone_rrsets (contents, identity) WHERE identity IS NOT NULL;

ALTER TABLE zone_links DROP CONSTRAINT zone_links_zone_fkey;
ALTER TABLE zone_links RENAME COLUMN zone TO contents;
