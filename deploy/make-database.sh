#!/bin/sh
# Run once by the image of PostgreSQL, on an empty volume: a database of a user who owns it and nothing else.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/database-password)" -U postgres <<'SQL'
CREATE ROLE zoneseal LOGIN PASSWORD :'password';
CREATE DATABASE zoneseal OWNER zoneseal;
REVOKE ALL ON DATABASE zoneseal FROM PUBLIC;
SQL
