CREATE TABLE zones (
  id bigint PRIMARY KEY,
  identity text COLLATE "C" NOT NULL UNIQUE,
  organisation text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL, -- '' is the organisation itself
  name text COLLATE "C" NOT NULL,
  slug text COLLATE "C" NOT NULL,
  description text COLLATE "C",
  labels text COLLATE "C",
  annotations text COLLATE "C",
  created_at bigint NOT NULL,
  updated_at bigint,
  object_version bigint NOT NULL,
  -- The newest version of the contents, and its serial.
  version bigint NOT NULL,
  serial bigint NOT NULL,
  -- JSON; null while the zone is not signed.
  signing text COLLATE "C",
  -- When the first signature is due for renewal, in seconds.
  refresh_at bigint
);

CREATE UNIQUE INDEX zones_name ON zones (name);
CREATE INDEX zones_list ON zones (organisation, project, created_at, identity);
CREATE INDEX zones_refresh ON zones (refresh_at) WHERE refresh_at IS NOT NULL;

CREATE TABLE zone_rrsets (
  zone bigint NOT NULL REFERENCES zones (id),
  owner_key bytea NOT NULL, -- sorts canonically
  type bigint NOT NULL,
  owner bytea NOT NULL,
  ttl bigint NOT NULL,
  rdatas bytea NOT NULL,
  rrsigs bytea, -- null while unsigned
  refresh_at bigint,
  -- What the API shows; null for RRsets that the service makes.
  identity text COLLATE "C",
  name text COLLATE "C",
  content text COLLATE "C", -- JSON of the values as they were given
  created_at bigint,
  updated_at bigint,
  PRIMARY KEY (zone, owner_key, type)
);

CREATE UNIQUE INDEX zone_rrsets_identity ON zone_rrsets (identity) WHERE identity IS NOT NULL;
CREATE INDEX zone_rrsets_refresh ON zone_rrsets (zone, refresh_at) WHERE refresh_at IS NOT NULL;

CREATE TABLE zone_links (
  zone bigint NOT NULL REFERENCES zones (id),
  place bytea NOT NULL,
  name_key bytea NOT NULL,
  owner bytea NOT NULL,
  ttl bigint NOT NULL,
  rdata bytea NOT NULL,
  rrsigs bytea NOT NULL,
  refresh_at bigint NOT NULL,
  PRIMARY KEY (zone, place)
);

CREATE INDEX zone_links_name ON zone_links (zone, name_key);
CREATE INDEX zone_links_refresh ON zone_links (zone, refresh_at);

CREATE TABLE zone_versions (
  zone bigint NOT NULL REFERENCES zones (id),
  version bigint NOT NULL,
  serial bigint NOT NULL,
  at bigint NOT NULL,
  reason text COLLATE "C" NOT NULL,
  principal text COLLATE "C",
  -- Records that the version took away and added; null where it replaced the whole zone and has no list of them.
  removed bigint,
  added bigint,
  PRIMARY KEY (zone, version)
);

CREATE TABLE zone_differences (
  zone bigint NOT NULL,
  version bigint NOT NULL,
  position bigint NOT NULL,
  is_added bigint NOT NULL,
  owner bytea NOT NULL,
  type bigint NOT NULL,
  ttl bigint NOT NULL,
  rdata bytea NOT NULL,
  -- What the API showed of the RRset that this record belongs to, JSON; null for what the service makes.
  content text COLLATE "C",
  PRIMARY KEY (zone, version, position)
);
