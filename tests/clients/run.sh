#!/usr/bin/env bash
# Upload clients made for the market leader's app, as their registries have them, against a running
# Touchstone: what they send must be stored as they mean it. On SQLite, and on PostgreSQL when
# TEST_DATABASE_URL names a server. Needs python3 with venv, node, and PyPI and npm once.
#   tests/clients/run.sh TOUCHSTONE_BINARY STANDIN_BINARY
set -euo pipefail
touchstone=$(realpath "$1")
standin=$(realpath "$2")
cd "$(dirname "$0")"

venv=$(realpath -m ../../target/client-checks/venv)
place=$(mktemp -d "${TMPDIR:-/tmp}/touchstone-clients.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$place"' EXIT
if ! [ -x "$venv/bin/robot" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
fi
npm ci --no-audit --no-fund --loglevel=error --ignore-scripts

free_address() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print("127.0.0.1:%d" % s.getsockname()[1])'; }

check() { # NAME DATABASE_URL
  local name=$1 app jira token=""
  export TOUCHSTONE_DATABASE_URL=$2
  app=$(free_address)
  jira=$(free_address)
  "$standin" --listen "$jira" --app-url "http://$app" --seed sample >"$place/jira.log" 2>&1 &
  TOUCHSTONE_LISTEN=$app TOUCHSTONE_BASE_URL="http://$app" TOUCHSTONE_INSECURE_SITES=true \
  TOUCHSTONE_SECRET_KEY=dG91Y2hzdG9uZS10ZXN0LWtleS0wMTIzNDU2Nzg5YWI= \
  TOUCHSTONE_CONNECT_KEY_HOST="http://$jira/_standin/keys" \
    "$touchstone" serve >"$place/touchstone.log" 2>&1 &
  # The site is known once it has installed the app, which it does as soon as that answers.
  for ((tries = 0; ; tries++)); do
    token=$("$touchstone" api-client create --site "http://$jira" --name clients 2>"$place/said") && break
    [ "$tries" -lt 100 ] || { cat "$place"/*.log >&2; return 1; }
    sleep 0.2
  done
  CLIENT_ID=$(grep -oE '[0-9a-f-]{36}' "$place/said") TOKEN=$token APP="http://$app" \
    PATH="$venv/bin:$PATH" PLACE="$place/$name" python3 check.py || { cat "$place/touchstone.log" >&2; return 1; }
  if grep -E ' (ERROR|WARN) ' "$place/touchstone.log" | grep -v INSECURE_SITES >&2; then
    echo "The service had something to complain about on $name" >&2
    return 1
  fi
  kill $(jobs -p)
  wait
  echo "What clients send is stored as they mean it, on $name."
}

check sqlite "sqlite://$place/touchstone.db?mode=rwc"
if [ -n "${TEST_DATABASE_URL:-}" ]; then
  base=${TEST_DATABASE_URL%/*}
  psql=$(command -v psql || ls /usr/lib/postgresql/*/bin/psql | tail -1)
  database=touchstone_clients_$$
  "$psql" -q "$TEST_DATABASE_URL" -c "CREATE DATABASE $database"
  check postgresql "$base/$database"
  "$psql" -q "$TEST_DATABASE_URL" -c "DROP DATABASE $database"
fi
