#!/usr/bin/env bash
# Holds a running service against its own OpenAPI description: Schemathesis makes up requests, right
# and wrong ones, and looks at every answer. On SQLite, and on PostgreSQL when TEST_DATABASE_URL
# names a server. Needs python3 with venv, and PyPI once.
#   tests/openapi.sh TOUCHSTONE_BINARY STANDIN_BINARY [what schemathesis takes]
set -euo pipefail
touchstone=$(realpath "$1")
standin=$(realpath "$2")
shift 2
cd "$(dirname "$0")/.."

settings=$PWD/tests/schemathesis.toml
venv=$PWD/target/openapi-checks/venv
place=$(mktemp -d "${TMPDIR:-/tmp}/touchstone-openapi.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$place"' EXIT
if ! [ -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'schemathesis==4.32.5'
fi

free_address() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print("127.0.0.1:%d" % s.getsockname()[1])'; }
result() {
  cat <<XML
<testsuite name="unit"><testcase classname="shop.Cart" name="pays"><properties>
<property name="requirement" value="SHOP-7"/></properties>$1</testcase></testsuite>
XML
}

check() { # NAME DATABASE_URL [what schemathesis takes]
  local name=$1 app jira token=""
  export TOUCHSTONE_DATABASE_URL=$2
  shift 2
  app=$(free_address)
  jira=$(free_address)
  "$standin" --listen "$jira" --app-url "http://$app" --seed sample >"$place/jira.log" 2>&1 &
  TOUCHSTONE_LISTEN=$app TOUCHSTONE_BASE_URL="http://$app" TOUCHSTONE_INSECURE_SITES=true \
  TOUCHSTONE_SECRET_KEY=dG91Y2hzdG9uZS10ZXN0LWtleS0wMTIzNDU2Nzg5YWI= \
  TOUCHSTONE_CONNECT_KEY_HOST="http://$jira/_standin/keys" TOUCHSTONE_API_REQUESTS_PER_MINUTE=0 \
    "$touchstone" serve >"$place/touchstone.log" 2>&1 &
  # The site is known once it has installed the app, which it does as soon as that answers.
  for ((tries = 0; ; tries++)); do
    token=$("$touchstone" api-client create --site "http://$jira" --name openapi 2>/dev/null) && break
    [ "$tries" -lt 100 ] || { cat "$place"/*.log >&2; return 1; }
    sleep 0.2
  done
  # What the description gives as examples is there.
  for body in "" "<failure message='expected 402, got 500'/>"; do
    result "$body" | "$touchstone" import --url "http://$app" --token "$token" --project SHOP \
      --environment chrome /dev/stdin >/dev/null 2>&1
  done
  # `positive_data_acceptance` would want every string to be the key of something there is.
  if ! (cd "$place" && exec "$venv/bin/schemathesis" --config-file "$settings" run "http://$app/api/v1/openapi.json" --no-color \
    -H "Authorization: Bearer $token" --max-examples 60 --generation-deterministic \
    --exclude-checks positive_data_acceptance "$@") >"$place/said" 2>&1; then
    cat "$place/said" >&2
    return 1
  fi
  if grep -E ' (ERROR|WARN) ' "$place/touchstone.log" | grep -v INSECURE_SITES >&2; then
    echo "The service had something to complain about on $name" >&2
    return 1
  fi
  kill $(jobs -p)
  wait
  echo "$name: $(grep ' generated, ' "$place/said" | tail -1)"
}

check SQLite "sqlite://$place/touchstone.db?mode=rwc" "$@"
if [ -n "${TEST_DATABASE_URL:-}" ]; then
  database="touchstone_openapi_$$"
  psql=$(command -v psql || ls /usr/lib/postgresql/*/bin/psql | tail -1)
  "$psql" -q "$TEST_DATABASE_URL" -c "CREATE DATABASE $database"
  check PostgreSQL "${TEST_DATABASE_URL%/*}/$database" "$@"
  "$psql" -q "$TEST_DATABASE_URL" -c "DROP DATABASE $database"
else
  echo "PostgreSQL: skipped, TEST_DATABASE_URL names no server"
fi
