-- Named policies; a version, once written, stays as it is.
CREATE TABLE zone_policies (
  organisation text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL, -- '' is the organisation itself
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  principal text COLLATE "C",
  policy text COLLATE "C" NOT NULL, -- JSON
  PRIMARY KEY (organisation, project, name, version)
);
