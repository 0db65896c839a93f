#!/bin/sh
# Runs the published Python clients against the stand-in. Needs python3 with venv, and PyPI once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
venv="$root/target/standin-checks/venv"
port=${STANDIN_PORT:-8190}
base="http://127.0.0.1:$port"

if ! [ -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        'jira==3.10.5' 'atlassian-python-api==5.0.5'
fi
cargo build --quiet --manifest-path "$root/Cargo.toml" -p jira-standin
"$root/target/debug/jira-standin" --listen "127.0.0.1:$port" &
standin=$!
trap 'kill "$standin"' EXIT
tries=0
until python3 -c "import urllib.request as u; u.urlopen('$base/rest/api/3/serverInfo')" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || { echo "the stand-in does not answer at $base" >&2; exit 1; }
    sleep 0.1
done
"$venv/bin/python" "$here/clients.py" "$base"
