-- Whether the queue is paused: one row while it is.
CREATE TABLE job_pause (
  id bigint PRIMARY KEY CHECK (id = 1),
  since bigint NOT NULL
);

-- Who runs the job of a zone.
CREATE TABLE job_leases (
  zone bigint PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  -- Milliseconds; past once the job was given back.
  until bigint NOT NULL,
  -- Starts since the last end: more than one when workers died of it.
  starts bigint NOT NULL
);

CREATE TABLE dead_jobs (
  zone bigint PRIMARY KEY,
  priority bigint NOT NULL,
  attempts bigint NOT NULL,
  error text COLLATE "C" NOT NULL,
  at bigint NOT NULL
);

CREATE TABLE job_groups (
  id text COLLATE "C" PRIMARY KEY,
  title text COLLATE "C" NOT NULL,
  started_at bigint NOT NULL
);

CREATE INDEX job_groups_started ON job_groups (started_at);

CREATE TABLE job_group_members (
  group_id text COLLATE "C" NOT NULL REFERENCES job_groups (id),
  zone bigint NOT NULL,
  -- 0 open, 1 open and part of the run that is under way, 2 done, 3 failed
  state bigint NOT NULL,
  ended_at bigint,
  PRIMARY KEY (group_id, zone)
);

CREATE INDEX job_group_members_zone ON job_group_members (zone, state);

-- The embedded queue. A row leaves when a run ended that began after its newest `put`.
CREATE TABLE waiting_jobs (
  zone bigint PRIMARY KEY,
  priority bigint NOT NULL,
  -- Milliseconds.
  run_at bigint NOT NULL,
  attempts bigint NOT NULL,
  -- Grows with each `put`.
  puts bigint NOT NULL
);

CREATE INDEX waiting_jobs_order ON waiting_jobs (priority, run_at);
