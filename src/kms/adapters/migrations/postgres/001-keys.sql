-- What the store keeps about itself, such as the parameters of a passphrase.
CREATE TABLE settings (
  name text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);

CREATE TABLE key_encryption_keys (
  id text COLLATE "C" PRIMARY KEY,
  generation bigint NOT NULL UNIQUE,
  root_key_id text COLLATE "C" NOT NULL,
  wrapped bytea NOT NULL
);

CREATE TABLE wrapping_keys (
  region text COLLATE "C" PRIMARY KEY,
  wrapped bytea NOT NULL,
  public_key bytea NOT NULL
);

CREATE TABLE organisations (
  identity text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  slug text COLLATE "C" NOT NULL UNIQUE,
  kms_enabled bigint NOT NULL
);

CREATE TABLE regions (
  identity text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  slug text COLLATE "C" NOT NULL UNIQUE,
  kms_available bigint NOT NULL
);

-- Whoever may call: tokens, OAuth2 clients, and the access tokens that clients get. Only hashes of their secrets.
CREATE TABLE credentials (
  identity text COLLATE "C" PRIMARY KEY,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('token', 'client', 'access')),
  hash bytea NOT NULL UNIQUE,
  principal text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  organisation text COLLATE "C",
  project text COLLATE "C",
  policies text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint,
  seal bytea NOT NULL
);

CREATE INDEX credentials_expiry ON credentials (kind, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE keys (
  identity text COLLATE "C" PRIMARY KEY,
  organisation text COLLATE "C" NOT NULL,
  region text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL DEFAULT '', -- '' is the organisation itself: a project's identity is never empty
  name text COLLATE "C" NOT NULL,
  slug text COLLATE "C" NOT NULL,
  description text COLLATE "C",
  labels text COLLATE "C",
  annotations text COLLATE "C",
  key_type text COLLATE "C" NOT NULL,
  export_allowed bigint NOT NULL,
  imported bigint NOT NULL,
  allow_rotation bigint NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'disabled', 'pending_deletion', 'purged')),
  rotation_enabled bigint NOT NULL,
  rotation_period_days bigint,
  min_decryption_version bigint NOT NULL,
  deletion_scheduled_at bigint,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  last_rotated_at bigint,
  object_version bigint NOT NULL,
  seal bytea NOT NULL
);

CREATE UNIQUE INDEX keys_slug ON keys (organisation, region, project, slug) WHERE status IN ('active', 'disabled');
CREATE INDEX keys_list ON keys (organisation, region, project, created_at, identity);
CREATE INDEX keys_rotation ON keys (rotation_enabled, status) WHERE rotation_enabled = 1;
CREATE INDEX keys_deletion ON keys (deletion_scheduled_at) WHERE status = 'pending_deletion';

CREATE TABLE key_versions (
  key text COLLATE "C" NOT NULL REFERENCES keys (identity),
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  wrapped bytea NOT NULL,
  public_key bytea,
  PRIMARY KEY (key, version)
);

-- Encryptions that each version was given leave to make.
CREATE TABLE key_invocations (
  key text COLLATE "C" NOT NULL REFERENCES keys (identity),
  version bigint NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (key, version)
);

-- The number that the next event gets. Events are numbered in the order of their commits, without gaps.
CREATE TABLE event_counter (next bigint NOT NULL);
INSERT INTO event_counter (next) VALUES (1);

CREATE TABLE key_events (
  number bigint PRIMARY KEY,
  organisation text COLLATE "C" NOT NULL,
  region text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  version bigint,
  object_version bigint NOT NULL,
  at bigint NOT NULL
);

CREATE INDEX key_events_of_key ON key_events (key, object_version);
CREATE INDEX key_events_of_scope ON key_events (organisation, region, project, number);

CREATE TABLE idempotency_claims (
  principal text COLLATE "C" NOT NULL,
  claim text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL,
  key text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (principal, claim)
);

CREATE INDEX idempotency_claims_age ON idempotency_claims (at);

CREATE TABLE webhooks (
  identity text COLLATE "C" PRIMARY KEY,
  organisation text COLLATE "C" NOT NULL,
  url text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  -- The last event that its receiver took.
  delivered bigint NOT NULL,
  failures bigint NOT NULL,
  next_attempt_at bigint NOT NULL,
  last_error text COLLATE "C"
);
