-- A commit is paid by the pages that it writes.

-- What a version took away and added, as octets; versions before this have their records in zone_differences. A table with
-- row ids, where such a value lies in the page of its row.
CREATE TABLE new_versions (
  zone INTEGER NOT NULL REFERENCES zones (id),
  version INTEGER NOT NULL,
  serial INTEGER NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  principal TEXT,
  -- Records that the version took away and added; null where it replaced the whole zone and has no list of them.
  removed INTEGER,
  added INTEGER,
  differences BLOB,
  PRIMARY KEY (zone, version)
) STRICT;

INSERT INTO new_versions SELECT zone, version, serial, at, reason, principal, removed, added, NULL FROM zone_versions;
DROP TABLE zone_versions;
ALTER TABLE new_versions RENAME TO zone_versions;

-- With NSEC the place of a link is its name: only NSEC3 has names to be looked up apart from it.
DROP INDEX zone_links_name;
CREATE INDEX zone_links_name ON zone_links (contents, name_key) WHERE name_key <> place;
