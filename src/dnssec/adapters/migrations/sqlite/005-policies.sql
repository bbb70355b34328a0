-- Named policies; a version, once written, stays as it is.
CREATE TABLE zone_policies (
  organisation TEXT NOT NULL,
  project TEXT NOT NULL, -- '' is the organisation itself
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  principal TEXT,
  policy TEXT NOT NULL, -- JSON
  PRIMARY KEY (organisation, project, name, version)
) STRICT, WITHOUT ROWID;
