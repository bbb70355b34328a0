-- A commit is paid by the pages that it writes.

-- What a version took away and added, as octets; versions before this have their records in zone_differences.
ALTER TABLE zone_versions ADD COLUMN differences bytea;

-- With NSEC the place of a link is its name: only NSEC3 has names to be looked up apart from it.
DROP INDEX zone_links_name;
CREATE INDEX zone_links_name ON zone_links (contents, name_key) WHERE name_key <> place;
