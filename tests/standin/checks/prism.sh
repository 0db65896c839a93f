#!/bin/sh
# Puts Prism, a checking proxy, in front of a running stand-in:
#   prism.sh UPSTREAM_PORT
# Every request and answer that passes is held against the tightened OpenAPI subset; a violation is
# answered with an error (--errors). Prism listens on PRISM_PORT (4011). Needs npm, once, and the
# shared reference material; without it the script says so and ends with status 0, in CI with 1.
set -eu
upstream=${1:?usage: prism.sh UPSTREAM_PORT}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
packed="$root/../shared/reference/jira/openapi/jira-app-subset.strict.json.gz"
work="$root/target/standin-checks/prism"
port=${PRISM_PORT:-4011}

if ! [ -f "$packed" ]; then
    echo "skipped: $packed is not there"
    [ -z "${CI:-}" ] || exit 1
    exit 0
fi
mkdir -p "$work"
if ! [ -x "$work/node_modules/.bin/prism" ]; then
    npm install --no-audit --no-fund --silent --prefix "$work" '@stoplight/prism-cli@5.16.0'
fi
# Jira answers these calls with an empty body, which the description declares as JSON and Prism
# would refuse: take that declaration out.
gunzip -c "$packed" | python3 -c "
import json, sys
spec = json.load(sys.stdin)
for path, method in (('issueLink', 'post'), ('issue/{issueIdOrKey}/properties/{propertyKey}', 'put'),
                     ('project/{projectIdOrKey}/properties/{propertyKey}', 'put')):
    for status, answer in spec['paths']['/rest/api/3/' + path][method]['responses'].items():
        if status.startswith('2'):
            answer.pop('content', None)
json.dump(spec, sys.stdout)
" > "$work/subset.json"
exec "$work/node_modules/.bin/prism" proxy -h 127.0.0.1 -p "$port" --errors \
    "$work/subset.json" "http://127.0.0.1:$upstream"
