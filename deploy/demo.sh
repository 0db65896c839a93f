#!/usr/bin/env bash
# `make demo`: Touchstone and a stand-in Jira on this machine, with a sample project, until Ctrl-C.
#
# Everything it writes lies under target/demo and is made anew each time. DEMO_APP and DEMO_JIRA
# choose other addresses than 127.0.0.1:8080 and 127.0.0.1:8090.
set -euo pipefail
cd "$(dirname "$0")/.."

app=${DEMO_APP:-127.0.0.1:8080}
jira=${DEMO_JIRA:-127.0.0.1:8090}
place=target/demo
say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

for tool in cargo node npm; do
  command -v "$tool" >/dev/null || { echo "demo: $tool is needed and not installed" >&2; exit 1; }
done
for address in "$app" "$jira"; do
  if (exec 3<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null; then
    echo "demo: something is listening on $address already; stop it, or set DEMO_APP and DEMO_JIRA" >&2
    exit 1
  fi
done

say "Building (some minutes the first time) …"
npm ci --prefix ui --no-audit --no-fund --loglevel=error
npm run --silent build --prefix ui
npm ci --prefix tests/standin/web --no-audit --no-fund --loglevel=error
cargo build --locked --bin touchstone --package touchstone --package jira-standin

rm -rf "$place"
mkdir -p "$place"
head -c 32 /dev/urandom | base64 > "$place/secret-key"
export TOUCHSTONE_DATABASE_URL="sqlite://$place/touchstone.db?mode=rwc"

touchstone=target/debug/touchstone
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT

say "Starting the stand-in Jira on http://$jira …"
target/debug/jira-standin --listen "$jira" --app-url "http://$app" --seed sample \
  --bridge-dir tests/standin/web/node_modules > "$place/jira.log" 2>&1 &

say "Starting Touchstone on http://$app …"
TOUCHSTONE_LISTEN=$app TOUCHSTONE_BASE_URL="http://$app" \
TOUCHSTONE_SECRET_KEY_FILE="$place/secret-key" TOUCHSTONE_INSECURE_SITES=true \
TOUCHSTONE_CONNECT_KEY_HOST="http://$jira/_standin/keys" \
TOUCHSTONE_CONNECT_BRIDGE_URL="http://$jira/bridge/all.js" \
  "$touchstone" serve > "$place/touchstone.log" 2>&1 &
service=$!

# The stand-in installs the app as soon as it answers; then the site is known.
token=
for _ in $(seq 300); do
  kill -0 "$service" 2>/dev/null || { cat "$place/touchstone.log" >&2; exit 1; }
  if token=$("$touchstone" api-client create --site "http://$jira" --name demo 2>/dev/null); then break; fi
  sleep 0.1
done
[ -n "$token" ] || { echo "demo: the app was not installed; see $place/*.log" >&2; exit 1; }
printf '%s\n' "$token" > "$place/token"

say "Uploading the results of eight builds …"
export TOUCHSTONE_TOKEN="$token"
node deploy/demo/results.mjs "$place/results" | while read -r file browser version revision build; do
  "$touchstone" import "$file" --url "http://$app" --project SHOP --environment "$browser" \
    --fix-version "$version" --revision "$revision" --branch main >> "$place/import.log" 2>&1 \
    || { echo "demo: build $build was refused; see $place/import.log" >&2; exit 1; }
done

say "Ready. Open the story and look at its Tests panel:"
echo "  http://$jira/browse/SHOP-7"
say "The administrator's page: http://$jira/admin?as=ada"
say "Fail or fix a test yourself:  TOUCHSTONE_TOKEN=$token $touchstone import FILE.xml --url http://$app --project SHOP"
say "Ctrl-C ends the demo; its logs are in $place."
if [ -z "${DEMO_ONCE:-}" ]; then wait "$service"; fi
