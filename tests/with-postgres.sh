#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own: `tests/with-postgres.sh cargo test`.
# The server listens on loopback, on a free port, in a temporary directory that is removed
# afterwards; TEST_DATABASE_URL tells the command where it is. A TEST_DATABASE_URL that is already
# set is used as it is. TEST_POSTGRES_DURABLE=1 flushes as in production: for benches.
set -euo pipefail

if [ -n "${TEST_DATABASE_URL:-}" ]; then exec "$@"; fi

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
[ -x "${bin:-}/initdb" ] || bin=$(dirname "$(command -v initdb || true)")
if [ ! -x "$bin/initdb" ]; then
  echo "with-postgres: PostgreSQL's server is not installed; on Debian: apt-get install postgresql" >&2
  exit 1
fi

data=$(mktemp -d "${TMPDIR:-/tmp}/touchstone-pg.XXXXXX")
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then   # the server refuses to run as root
  chown postgres "$data"
  as() { runuser -u postgres -- "$@"; }
fi
port=${TEST_POSTGRES_PORT:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}

stop() {
  as "$bin/pg_ctl" -D "$data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$data"
}
trap stop EXIT

as "$bin/initdb" -D "$data" -U touchstone --auth=trust --no-sync >/dev/null
# Nothing tests write must survive a power cut, so the flushes that would only cost time are off.
flush=off
[ "${TEST_POSTGRES_DURABLE:-0}" = 1 ] && flush=on
as "$bin/pg_ctl" -D "$data" -w -l "$data/log" -o "-p $port -k $data -c listen_addresses=127.0.0.1 \
  -c max_connections=400 -c fsync=$flush -c full_page_writes=$flush -c shared_buffers=64MB" start >/dev/null

export TEST_DATABASE_URL="postgres://touchstone@127.0.0.1:$port/postgres"
"$@"
