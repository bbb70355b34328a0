-- What the store keeps about itself, such as the parameters of a passphrase.
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE key_encryption_keys (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL UNIQUE,
  root_key_id TEXT NOT NULL,
  wrapped BLOB NOT NULL
) STRICT;

CREATE TABLE wrapping_keys (
  region TEXT PRIMARY KEY,
  wrapped BLOB NOT NULL,
  public_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE organisations (
  identity TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  kms_enabled INTEGER NOT NULL
) STRICT;

CREATE TABLE regions (
  identity TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  kms_available INTEGER NOT NULL
) STRICT;

-- Whoever may call: tokens, OAuth2 clients, and the access tokens that clients get. Only hashes of their secrets.
CREATE TABLE credentials (
  identity TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('token', 'client', 'access')),
  hash BLOB NOT NULL UNIQUE,
  principal TEXT NOT NULL,
  name TEXT NOT NULL,
  organisation TEXT,
  project TEXT,
  policies TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  seal BLOB NOT NULL
) STRICT;

CREATE INDEX credentials_expiry ON credentials (kind, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE keys (
  identity TEXT PRIMARY KEY,
  organisation TEXT NOT NULL,
  region TEXT NOT NULL,
  project TEXT NOT NULL DEFAULT '', -- '' is the organisation itself: a project's identity is never empty
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  description TEXT,
  labels TEXT,
  annotations TEXT,
  key_type TEXT NOT NULL,
  export_allowed INTEGER NOT NULL,
  imported INTEGER NOT NULL,
  allow_rotation INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'pending_deletion', 'purged')),
  rotation_enabled INTEGER NOT NULL,
  rotation_period_days INTEGER,
  min_decryption_version INTEGER NOT NULL,
  deletion_scheduled_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_rotated_at INTEGER,
  object_version INTEGER NOT NULL,
  seal BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX keys_slug ON keys (organisation, region, project, slug) WHERE status IN ('active', 'disabled');
CREATE INDEX keys_list ON keys (organisation, region, project, created_at, identity);
CREATE INDEX keys_rotation ON keys (rotation_enabled, status) WHERE rotation_enabled = 1;
CREATE INDEX keys_deletion ON keys (deletion_scheduled_at) WHERE status = 'pending_deletion';

CREATE TABLE key_versions (
  key TEXT NOT NULL REFERENCES keys (identity),
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  wrapped BLOB NOT NULL,
  public_key BLOB,
  PRIMARY KEY (key, version)
) STRICT, WITHOUT ROWID;

-- Encryptions that each version was given leave to make.
CREATE TABLE key_invocations (
  key TEXT NOT NULL REFERENCES keys (identity),
  version INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (key, version)
) STRICT, WITHOUT ROWID;

-- The number that the next event gets. Events are numbered in the order of their commits, without gaps.
CREATE TABLE event_counter (next INTEGER NOT NULL) STRICT;
INSERT INTO event_counter (next) VALUES (1);

CREATE TABLE key_events (
  number INTEGER PRIMARY KEY,
  organisation TEXT NOT NULL,
  region TEXT NOT NULL,
  project TEXT NOT NULL,
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  version INTEGER,
  object_version INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE INDEX key_events_of_key ON key_events (key, object_version);
CREATE INDEX key_events_of_scope ON key_events (organisation, region, project, number);

CREATE TABLE idempotency_claims (
  principal TEXT NOT NULL,
  claim TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (principal, claim)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_claims_age ON idempotency_claims (at);

CREATE TABLE webhooks (
  identity TEXT PRIMARY KEY,
  organisation TEXT NOT NULL,
  url TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- The last event that its receiver took.
  delivered INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  last_error TEXT
) STRICT;
