// Each check finds what it is for, and nothing in a manifest that is right.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { check } from "./checks.mjs";

const require = createRequire(import.meta.url);
const library = path.dirname(path.dirname(require.resolve("@forge/manifest")));
const schema = JSON.parse(readFileSync(path.join(library, "out/schema/manifest-schema.json"), "utf8"));
const facts = { schema, events: ["avi:jira:created:issue", "avi:jira:updated:issue", "avi:jira-software:closed:sprint"] };

const MANIFEST = `
remotes: [{ key: service, baseUrl: "https://touchstone.example.com" }]
permissions: { scopes: [read:jira-work, read:app-system-token] }
modules:
  trigger: [{ key: issues, endpoint: events, events: ["avi:jira:created:issue"] }]
  scheduledTrigger: [{ key: hourly, endpoint: events, interval: hour }]
  jira:adminPage: [{ key: admin, title: Touchstone, resource: ui }]
  jira:entityProperty:
    - { key: status, entityType: issue, propertyKey: p, values: [{ path: a, type: string, searchAlias: one }] }
  endpoint:
    - { key: events, remote: service, route: { path: /events }, auth: { appSystemToken: { enabled: true } } }
`;

function complaints(change) {
  const manifest = parse(MANIFEST);
  change(manifest, manifest.modules);
  return check(manifest, facts);
}

test("a manifest that is right is passed", () => {
  assert.deepEqual(complaints(() => {}), []);
});

const WRONG = {
  "there is no event avi:jira:created:comment": (_, { trigger }) => trigger[0].events.push("avi:jira:created:comment"),
  "ignoreSelf means nothing to avi:jira-software:closed:sprint": (_, { trigger }) =>
    Object.assign(trigger[0], { events: ["avi:jira-software:closed:sprint"], filter: { ignoreSelf: true } }),
  "the endpoint events has no route.path": (_, modules) => {
    delete modules.endpoint[0].route;
    delete modules.scheduledTrigger;
  },
  "more than 5 schedules": (_, modules) => {
    modules.scheduledTrigger = Array.from({ length: 6 }, (__, n) => ({ key: `s${n}`, endpoint: "events", interval: "hour" }));
  },
  "the scope read:app-system-token is missing": ({ permissions }) => permissions.scopes.pop(),
  "no endpoint takes appUserToken": ({ permissions }) => permissions.scopes.push("read:app-user-token"),
  "is not https": ({ remotes }) => (remotes[0].baseUrl = "http://touchstone.example.com"),
  "the path of https://touchstone.example.com/jira is lost": ({ remotes }) => (remotes[0].baseUrl += "/jira"),
  "service (EU)": ({ remotes }) => (remotes[0].baseUrl = { default: "https://a.example", EU: "https://b.example/x" }),
  "more than one page for the button Configure": (_, modules) =>
    modules["jira:adminPage"].push({ key: "a", useAsConfig: true }, { key: "b", useAsConfig: true }),
  "more than one page for the button Get started": (_, modules) =>
    modules["jira:adminPage"].push({ key: "a", useAsGetStarted: true }, { key: "b", useAsGetStarted: true }),
  "more than one page in the administrators' menu": (_, modules) => modules["jira:adminPage"].push({ key: "a" }),
  "the search name one is used twice": (_, modules) =>
    modules["jira:entityProperty"][0].values.push({ path: "b", type: "string", searchAlias: "one" }),
  "more than 100 indexed values": (_, modules) => {
    modules["jira:entityProperty"][0].values = Array.from({ length: 101 }, (__, n) => ({ path: `p${n}`, type: "string" }));
  },
  "endpoint lonely: nothing calls it": (_, { endpoint }) => endpoint.push({ key: "lonely", remote: "service" }),
  "there is no member titel": (_, modules) => (modules["jira:adminPage"][0].titel = "Touchstone"),
};

for (const [complaint, change] of Object.entries(WRONG)) {
  test(`finds: ${complaint}`, () => {
    const found = complaints(change);
    assert.equal(found.length, 1, found.join("; "));
    assert.ok(found[0].includes(complaint), found[0]);
  });
}
