#!/bin/sh
# Looks at panel and administration in Chromium, through the stand-in Jira.
#   tests/browser/run.sh TOUCHSTONE_BINARY STANDIN_BINARY [what playwright takes]
# CHROMIUM names the browser (default /usr/bin/chromium). Pictures are left in tests/browser/shots.
# `make forge` has built the pages that Forge serves.
set -eu
SERVICE_BIN=$(realpath "$1") STANDIN_BIN=$(realpath "$2")
export SERVICE_BIN STANDIN_BIN
shift 2
cd "$(dirname "$0")"
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
[ -d node_modules ] || npm ci --no-audit --no-fund
[ -d ../standin/web/node_modules ] || npm ci --no-audit --no-fund --prefix ../standin/web
exec npx playwright test "$@"
