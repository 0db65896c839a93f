#!/usr/bin/env bash
# `make test`: every test there is. Installs what is missing on a Debian machine (PostgreSQL's
# server, Chromium) and the npm packages the tests need; Rust and Node must be there.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || [ -n "${CHROMIUM:-}" ] || missing+=(chromium)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  step "Installing ${missing[*]}"
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

step "Front end"
npm ci --prefix ui --no-audit --no-fund --loglevel=error
npm run --silent build --prefix ui
npm ci --prefix tests/standin/web --no-audit --no-fund --loglevel=error
npm ci --prefix tests/browser --no-audit --no-fund --loglevel=error --ignore-scripts

npm ci --prefix deploy/forge --no-audit --no-fund --loglevel=error --ignore-scripts
npm run --silent build --prefix deploy/forge

step "Rust, on SQLite and PostgreSQL"
cargo build --locked --workspace --all-targets
tests/with-postgres.sh cargo test --locked --workspace

step "The stand-in Jira, against published clients and Jira's own description"
tests/standin/checks/run.sh
tests/standin/checks/contract.sh
tests/contract.sh

step "The interface for scripts, against its own description"
tests/with-postgres.sh tests/openapi.sh target/debug/touchstone target/debug/jira-standin

step "Upload clients, as their registries have them"
tests/with-postgres.sh tests/clients/run.sh target/debug/touchstone target/debug/jira-standin

step "In the browser"
node tests/standin/checks/forge.mjs target/debug/jira-standin tests/standin/web deploy/forge/node_modules
tests/browser/run.sh target/debug/touchstone target/debug/jira-standin
