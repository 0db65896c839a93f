#!/usr/bin/env bash
# The app's own traffic, held against Jira's OpenAPI description: Prism stands between the app and
# the stand-in Jira while tests/it/contract.rs has the app make every kind of call it makes.
# Needs the shared reference material; without it says so and does nothing, in CI fails.
set -euo pipefail
cd "$(dirname "$0")/.."

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PRISM_UPSTREAM=$(free_port)
PRISM_PORT=$(free_port)
export PRISM_UPSTREAM PRISM_PORT PRISM_URL="http://127.0.0.1:$PRISM_PORT"

if ! [ -f ../shared/reference/jira/openapi/jira-app-subset.strict.json.gz ]; then
  exec tests/standin/checks/prism.sh "$PRISM_UPSTREAM"   # says what is missing
fi

cargo test --locked --quiet -p touchstone --test it --no-run
log=target/standin-checks/app-prism.log
mkdir -p "$(dirname "$log")"
tests/standin/checks/prism.sh "$PRISM_UPSTREAM" >"$log" 2>&1 &
prism=$!
trap 'kill "$prism" 2>/dev/null || true' EXIT
for ((tries = 0; ; tries++)); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$PRISM_PORT") 2>/dev/null; then break; fi
  if [ "$tries" = 240 ] || ! kill -0 "$prism" 2>/dev/null; then
    echo "Prism does not answer:" >&2; cat "$log" >&2; exit 1
  fi
  sleep 0.5
done

status=0
cargo test --locked --quiet -p touchstone --test it contract || status=$?

# Prism names what breaks the description by "Violation", and what it refuses by an error of its own.
if grep -E 'Violation: |prism/errors#' "$log"; then
  echo "The app's traffic breaks Jira's description; all of it is in $log" >&2
  exit 1
fi
passed=$(grep -c 'Forwarding ' "$log" || true)
[ "$status" = 0 ] || exit "$status"
[ "$passed" -gt 0 ] || { echo "Nothing passed through Prism" >&2; exit 1; }
echo "$passed calls of the app passed through Prism, no violation"
