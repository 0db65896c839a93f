#!/bin/sh
# Starts the stand-in and Prism in front of it, and calls everything once (contract.py).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
port=${STANDIN_PORT:-8193}
PRISM_PORT=${PRISM_PORT:-4013}
export PRISM_PORT
if ! [ -f "$root/../shared/reference/jira/openapi/jira-app-subset.strict.json.gz" ]; then
    exec "$here/prism.sh" "$port"
fi
cargo build --quiet --manifest-path "$root/Cargo.toml" -p jira-standin
"$root/target/debug/jira-standin" --listen "127.0.0.1:$port" --no-limits >/dev/null &
standin=$!
"$here/prism.sh" "$port" > "$root/target/standin-checks/prism.log" 2>&1 &
prism=$!
trap 'kill "$standin" "$prism"' EXIT
tries=0
until python3 -c "import socket; socket.create_connection(('127.0.0.1', $PRISM_PORT))" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || { echo "Prism does not answer" >&2; exit 1; }
    sleep 0.5
done
python3 "$here/contract.py" "http://127.0.0.1:$PRISM_PORT" "http://127.0.0.1:$port"
