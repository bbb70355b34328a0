-- Whether the queue is paused: one row while it is.
CREATE TABLE job_pause (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  since INTEGER NOT NULL
) STRICT;

-- Who runs the job of a zone.
CREATE TABLE job_leases (
  zone INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  -- Milliseconds; past once the job was given back.
  until INTEGER NOT NULL,
  -- Starts since the last end: more than one when workers died of it.
  starts INTEGER NOT NULL
) STRICT;

CREATE TABLE dead_jobs (
  zone INTEGER PRIMARY KEY,
  priority INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE job_groups (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  started_at INTEGER NOT NULL
) STRICT;

CREATE INDEX job_groups_started ON job_groups (started_at);

CREATE TABLE job_group_members (
  group_id TEXT NOT NULL REFERENCES job_groups (id),
  zone INTEGER NOT NULL,
  -- 0 open, 1 open and part of the run that is under way, 2 done, 3 failed
  state INTEGER NOT NULL,
  ended_at INTEGER,
  PRIMARY KEY (group_id, zone)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_group_members_zone ON job_group_members (zone, state);

-- The embedded queue. A row leaves when a run ended that began after its newest `put`.
CREATE TABLE waiting_jobs (
  zone INTEGER PRIMARY KEY,
  priority INTEGER NOT NULL,
  -- Milliseconds.
  run_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  -- Grows with each `put`.
  puts INTEGER NOT NULL
) STRICT;

CREATE INDEX waiting_jobs_order ON waiting_jobs (priority, run_at);
