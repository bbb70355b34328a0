#!/bin/sh
# Make the secrets of docker-compose.yml, those that are missing: run it as often as you like. Nobody but the owner may
# enter the folder; the files in it are readable, since containers read them as users of their own.
set -eu
umask 077
folder="$(dirname "$0")/secrets"
mkdir -p "$folder"

make() { # name, text
  if [ ! -e "$folder/$1" ]; then
    printf '%s' "$2" > "$folder/.new"
    chmod 0444 "$folder/.new"
    mv "$folder/.new" "$folder/$1"
  fi
}
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

for name in admin-token service-token postgres-password database-password redis-password; do
  make "$name" "$(random)"
done
make database-url "postgres://zoneseal:$(cat "$folder/database-password")@postgres:5432/zoneseal"
make redis-url "redis://:$(cat "$folder/redis-password")@redis:6379"
echo "secrets in $folder; the admin token is in $folder/admin-token"
