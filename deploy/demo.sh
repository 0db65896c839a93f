#!/usr/bin/env bash
# `make demo`: Touchstone and two stand-in Jira sites on this machine, with a sample project, until
# Ctrl-C. On one site the app comes through Connect, on the other through Forge.
#
# Everything it writes lies under target/demo and is made anew each time. DEMO_APP, DEMO_JIRA and
# DEMO_FORGE choose other addresses than 127.0.0.1:8080, 127.0.0.1:8090 and 127.0.0.1:8091.
# deploy/demo/move-to-forge.mjs moves the first site to Forge while the demo runs.
set -euo pipefail
cd "$(dirname "$0")/.."

app=${DEMO_APP:-127.0.0.1:8080}
connect=${DEMO_JIRA:-127.0.0.1:8090}
forge=${DEMO_FORGE:-127.0.0.1:8091}
app_uuid=00000000-0000-4000-8000-000000000000
place=target/demo
say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

for tool in cargo node npm; do
  command -v "$tool" >/dev/null || { echo "demo: $tool is needed and not installed" >&2; exit 1; }
done
for address in "$app" "$connect" "$forge"; do
  if (exec 3<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null; then
    echo "demo: something is listening on $address already; stop it, or set DEMO_APP, DEMO_JIRA and DEMO_FORGE" >&2
    exit 1
  fi
done

say "Building (some minutes the first time) …"
npm ci --prefix ui --no-audit --no-fund --loglevel=error
npm run --silent build --prefix ui
npm ci --prefix deploy/forge --no-audit --no-fund --loglevel=error --ignore-scripts
npm run --silent build --prefix deploy/forge
npm ci --prefix tests/standin/web --no-audit --no-fund --loglevel=error
cargo build --locked --bin touchstone --bin jira-standin --package touchstone --package jira-standin

rm -rf "$place"
mkdir -p "$place"
head -c 32 /dev/urandom | base64 > "$place/secret-key"
export TOUCHSTONE_DATABASE_URL="sqlite://$place/touchstone.db?mode=rwc"

touchstone=target/debug/touchstone
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT

say "Starting two stand-in Jira sites: Connect on http://$connect, Forge on http://$forge …"
# The first site has the manifest of an app that was a Connect app before, for its move.
target/debug/jira-standin --listen "$connect" --app-url "http://$app" --seed sample \
  --bridge-dir tests/standin/web/node_modules \
  --forge-site "$forge" --forge-app-id "ari:cloud:ecosystem::app/$app_uuid" \
  --forge-manifest deploy/forge/joined/manifest.yml \
  --forge-site-manifest deploy/forge/manifest.yml > "$place/jira.log" 2>&1 &

# The service asks for Forge's keys as it starts.
for address in "$connect" "$forge"; do
  for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null; then break; fi
    sleep 0.1
  done
done

say "Starting Touchstone on http://$app …"
TOUCHSTONE_LISTEN=$app TOUCHSTONE_BASE_URL="http://$app" \
TOUCHSTONE_SECRET_KEY_FILE="$place/secret-key" TOUCHSTONE_INSECURE_SITES=true \
TOUCHSTONE_CONNECT_KEY_HOST="http://$connect/_standin/keys" \
TOUCHSTONE_CONNECT_BRIDGE_URL="http://$connect/bridge/all.js" \
TOUCHSTONE_FORGE_APP_ID="ari:cloud:ecosystem::app/$app_uuid" \
TOUCHSTONE_FORGE_JWKS_URL="http://$forge/forge/.well-known/jwks.json" \
TOUCHSTONE_FORGE_API_HOSTS="${forge%:*}" \
  "$touchstone" serve > "$place/touchstone.log" 2>&1 &
service=$!

# A site is known once it has installed the app, which it does as soon as that answers.
client_of() {
  local token
  for _ in $(seq 300); do
    kill -0 "$service" 2>/dev/null || { cat "$place/touchstone.log" >&2; exit 1; }
    if token=$(site=$(node deploy/demo/cloud-id.mjs "http://$1") &&
      "$touchstone" api-client create --site "$site" --name demo 2>/dev/null); then
      echo "$token"
      return
    fi
    sleep 0.1
  done
  echo "demo: the app was not installed on $1; see $place/*.log" >&2
  exit 1
}
token=$(client_of "$connect")
forge_token=$(client_of "$forge")
printf '%s\n' "$token" > "$place/token"
printf '%s\n' "$forge_token" > "$place/forge-token"

say "Uploading the results of eight builds to both …"
node deploy/demo/results.mjs "$place/results" | while read -r file browser version revision build; do
  for TOUCHSTONE_TOKEN in "$token" "$forge_token"; do
    export TOUCHSTONE_TOKEN
    "$touchstone" import "$file" --url "http://$app" --project SHOP --environment "$browser" \
      --fix-version "$version" --revision "$revision" --branch main >> "$place/import.log" 2>&1 \
      || { echo "demo: build $build was refused; see $place/import.log" >&2; exit 1; }
  done
done

say "Ready. Open the story and look at its Tests panel:"
echo "  Connect   http://$connect/browse/SHOP-7"
echo "  Forge     http://$forge/browse/SHOP-7"
say "Each page's bar leads to the project's tests, a dashboard, and the administration (as Ada)."
say "Walk a defect through: fail a test of SHOP-2, create a defect from its row, resolve the defect"
say "in its page, let the test pass again, and look at the defect:"
echo "  export TOUCHSTONE_TOKEN=\$(cat $place/forge-token)     # $place/token for the Connect site"
for file in fail pass; do
  echo "  $touchstone import deploy/demo/$file.xml --url http://$app --project SHOP --environment chrome"
done
say "Move the Connect site to Forge:  node deploy/demo/move-to-forge.mjs"
say "Ctrl-C ends the demo; its logs are in $place."
if [ -z "${DEMO_ONCE:-}" ]; then wait "$service"; fi
