// Moves the demo's Connect site to Forge while everything runs, and looks whether anything is lost:
// every issue, its coverage, its history of decisions and every execution, asked for before and after
// through the public API. Then it changes an issue in Jira, which only Forge tells of from then on.
//
//   node deploy/demo/move-to-forge.mjs
//
// DEMO_APP and DEMO_JIRA as for demo.sh. Leaves with status 1 if something differs.

import { readFileSync } from "node:fs";

const app = `http://${process.env.DEMO_APP ?? "127.0.0.1:8080"}`;
const jira = `http://${process.env.DEMO_JIRA ?? "127.0.0.1:8090"}`;
const token = readFileSync("target/demo/token", "utf8").trim();
const PATIENCE_MS = 30_000;

/** What the service knows of a path; nothing for what it does not know. */
async function known(path) {
  const answer = await fetch(app + path, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path} is answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

async function standin(path, body) {
  const options = body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`${jira}/_standin/${path}`, options);
  if (!answer.ok) throw new Error(`${path} is answered ${answer.status}: ${await answer.text()}`);
  return answer.status === 204 ? {} : answer.json();
}

/** The keys of every issue of a project, until some in a row are missing. */
async function issueKeys(project) {
  const keys = [];
  for (let number = 1, missing = 0; missing < 20; number += 1) {
    const key = `${project}-${number}`;
    const found = (await fetch(`${jira}/_standin/issue/${key}`)).ok;
    missing = found ? 0 : missing + 1;
    if (found) keys.push(key);
  }
  return keys;
}

/** Every page of an answer whose pages follow one another. */
async function pages(path, parameter) {
  const all = [];
  for (let page = await known(path); page; ) {
    all.push(page);
    page = page.next ? await known(`${path}?${parameter}=${page.next}`) : null;
  }
  return all;
}

/** All that can be asked of the service about the site, by what was asked. */
async function picture() {
  const seen = new Map();
  for (const project of ["SHOP", "OPS"]) {
    for (const key of await issueKeys(project)) {
      const issue = await known(`/api/v1/issues/${key}`);
      if (!issue) continue;
      const coverage = await known(`/api/v1/issues/${key}/coverage`);
      // When an issue was last heard of and looked at are no facts about it.
      delete issue.seenMs;
      delete coverage.reason.computedMs;
      seen.set(`issue ${key}`, issue);
      seen.set(`coverage of ${key}`, coverage);
      seen.set(`decisions on ${key}`, await pages(`/api/v1/issues/${key}/audit`, "before"));
    }
    for (let number = 1; ; number += 1) {
      const execution = await pages(`/api/v1/executions/${project}-E${number}`, "after");
      if (execution.length === 0) break;
      seen.set(`execution ${project}-E${number}`, execution);
    }
  }
  return seen;
}

function counts(picture) {
  const all = [...picture];
  const of = (kind) => all.filter(([name]) => name.startsWith(kind));
  const runs = of("execution").flatMap(([, all]) => all.flatMap((page) => page.runs));
  const tests = of("coverage").flatMap(([, it]) => it?.tests ?? []);
  const decisions = of("decisions").flatMap(([, all]) => all.flatMap((page) => page.entries));
  return {
    issues: of("issue").length, "tests of issues": tests.length, executions: of("execution").length,
    runs: runs.length, decisions: decisions.length,
  };
}

async function until(what, look) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    if (await look()) return;
    await new Promise((go) => setTimeout(go, 100));
  }
  throw new Error(`waited in vain until ${what}`);
}

async function settled() {
  await fetch(`${jira}/_standin/settle`);
  await until("everything is taken in", async () => {
    const health = await (await fetch(`${app}/health/ready`)).json();
    return health.inbox.waiting === 0 && health.outbox.waiting === 0;
  });
}

await settled();
const before = await picture();
if ((await standin("forge")).installations.some((it) => it.live)) {
  console.error("The site is on Forge already; start the demo again to move it once more.");
  process.exit(1);
}
const { installation } = await standin("forge/install", { url: app });
await settled();
const after = await picture();

console.log(`The site is on Forge now, as ${installation}.\n`);
const [had, has] = [counts(before), counts(after)];
for (const name of Object.keys(had)) {
  console.log(`${name.padEnd(16)} ${String(had[name]).padStart(6)} before ${String(has[name]).padStart(6)} after`);
}
const names = new Set([...before.keys(), ...after.keys()]);
const differing = [...names].filter((name) => JSON.stringify(before.get(name)) !== JSON.stringify(after.get(name)));
for (const name of differing) {
  console.error(`\n${name} differs:\n- ${JSON.stringify(before.get(name))}\n+ ${JSON.stringify(after.get(name))}`);
}

const toldBefore = await standin("deliveries");
// Forward and back, so that the site is left as it was found.
const issue = "SHOP-16";
const status = async () => (await known(`/api/v1/issues/${issue}`))?.status.name;
for (const to of ["In Progress", "To Do"]) {
  await standin("act/transition", { issue, to, as: "daniel" });
  await until(`${issue} is ${to} here too`, async () => (await status()) === to);
}
const told = (await standin("deliveries")).slice(toldBefore.length);
const byConnect = told.filter((it) => !it.event.startsWith("avi:"));
console.log(`\n${issue} went to In Progress and back in Jira, and here too: told by Forge.`);
if (byConnect.length > 0) {
  console.error("Connect told of it as well.");
}
const good = differing.length === 0 && byConnect.length === 0;
console.log(good ? "\nNothing was lost." : "\nSomething is not as it was.");
process.exit(good ? 0 : 1);
