// The world the tests look at: one service, and two stand-ins for Jira with the same beginnings, all
// on free ports. One site has the app from Connect, the other from Forge; every test runs on both
// (Playwright's projects), with the same weeks of results. SERVICE_BIN and STANDIN_BIN name the
// programs (see run.sh).

import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "@playwright/test";

import { builds } from "./results";

const PATIENCE_MS = 60_000;

const FORGE = path.join(import.meta.dirname, "../../deploy/forge");
const FORGE_APP = "ari:cloud:ecosystem::app/6f1d1a5e-3c55-4d5b-9c4d-0f6a1d2b7e90";

export type Host = "connect" | "forge";

export interface World {
  app: string;
  jira: string;
  token: string;
}

/** The way the app came to the site that this test looks at. */
export function host(): Host {
  return test.info().project.name as Host;
}

/** What `globalSetup` made of it. */
export function world(): World {
  return (JSON.parse(process.env["BROWSER_WORLD"] ?? "{}") as Record<Host, World>)[host()];
}

export default async function setUp(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(path.join(tmpdir(), "touchstone-browser-"));
  const app = `http://127.0.0.1:${await freePort()}`;
  const jira = `http://127.0.0.1:${await freePort()}`;
  const forgeJira = `http://127.0.0.1:${await freePort()}`;
  const database = `sqlite://${path.join(folder, "touchstone.db")}?mode=rwc`;
  const children: ChildProcess[] = [];
  const end = async () => {
    await Promise.all(children.map(stopped));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    // Jira first: the service reads the keys of Forge's tokens when it starts.
    children.push(runJira(jira, forgeJira, app));
    await until("Jira answers", async () => (await fetch(`${jira}/_standin/state`)).ok);
    children.push(runService(app, jira, database));
    process.env["BROWSER_WORLD"] = JSON.stringify(await furnish(app, jira, forgeJira, database));
  } catch (why) {
    await end();
    throw why;
  }
  return end;
}

function runJira(jira: string, forgeJira: string, app: string): ChildProcess {
  return run(named("STANDIN_BIN"), [
    "--listen",
    jira.slice("http://".length),
    "--app-url",
    app,
    "--forge-site",
    forgeJira.slice("http://".length),
    "--forge-app-id",
    FORGE_APP,
    "--forge-manifest",
    path.join(FORGE, "manifest.yml"),
    "--bridge-dir",
    path.join(import.meta.dirname, "../standin/web/node_modules"),
  ]);
}

function runService(app: string, jira: string, database: string): ChildProcess {
  return run(named("SERVICE_BIN"), ["serve"], {
    TOUCHSTONE_LISTEN: app.slice("http://".length),
    TOUCHSTONE_BASE_URL: app,
    TOUCHSTONE_DATABASE_URL: database,
    TOUCHSTONE_SECRET_KEY: randomBytes(32).toString("base64"),
    TOUCHSTONE_INSECURE_SITES: "true",
    TOUCHSTONE_CONNECT_SITE_SUFFIXES: "127.0.0.1",
    TOUCHSTONE_CONNECT_KEY_HOST: `${jira}/_standin/keys`,
    TOUCHSTONE_CONNECT_BRIDGE_URL: `${jira}/bridge/all.js`,
    TOUCHSTONE_FORGE_APP_ID: FORGE_APP,
    TOUCHSTONE_FORGE_JWKS_URL: `${jira}/forge/.well-known/jwks.json`,
    TOUCHSTONE_FORGE_API_HOSTS: "127.0.0.1",
    TOUCHSTONE_LOG: process.env["TOUCHSTONE_LOG"] ?? "warn",
  });
}

/** Waits until both sites have the app, and reports the same builds to both. */
async function furnish(
  app: string,
  jira: string,
  forgeJira: string,
  database: string,
): Promise<Record<Host, World>> {
  await until("the service answers", async () => (await fetch(`${app}/health/ready`)).ok);
  const token = (what: string, site: () => Promise<string>) =>
    until(what, async () =>
      execFileSync(
        named("SERVICE_BIN"),
        ["api-client", "create", "--site", await site(), "--name", "browser tests"],
        {
          env: { ...process.env, TOUCHSTONE_DATABASE_URL: database },
          stdio: ["ignore", "pipe", "ignore"],
        },
      )
        .toString()
        .trim(),
    );
  const worlds: Record<Host, World> = {
    connect: { app, jira, token: await token("Connect has installed the app", async () => jira) },
    forge: {
      app,
      jira: forgeJira,
      token: await token("Forge has installed the app", () => cloudId(forgeJira)),
    },
  };
  for (const build of builds(Date.now())) {
    await report(build, worlds.connect);
    await report(build, worlds.forge);
  }
  return worlds;
}

/** Reports one file of results, as a build would. */
export async function report(
  build: { query: string; body: string },
  { app, token } = world(),
): Promise<void> {
  const answer = await fetch(`${app}/api/v1/projects/SHOP/results?${build.query}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/xml" },
    body: build.body,
  });
  if (!answer.ok) throw new Error(`results were refused: ${answer.status} ${await answer.text()}`);
}

/** Does something in Jira as a person. */
export async function act(what: string, body: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${world().jira}/_standin/act/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ as: "ada", ...body }),
  });
  if (!answer.ok) throw new Error(`${what} was refused: ${answer.status} ${await answer.text()}`);
}

/** Waits until Jira has told everything and the service has taken it in. */
export async function settle(): Promise<void> {
  const { app, jira } = world();
  await fetch(`${jira}/_standin/settle`);
  await until("everything is taken in", async () => {
    const health = (await (await fetch(`${app}/health/ready`)).json()) as {
      inbox: { waiting: number };
    };
    return health.inbox.waiting === 0;
  });
}

/** Atlassian's id of a site, by which the service knows one that never was on Connect. */
async function cloudId(jira: string): Promise<string> {
  const state = (await (await fetch(`${jira}/_standin/state`)).json()) as { cloudId: string };
  return state.cloudId;
}

function named(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} must name a program; use run.sh`);
  return path.resolve(value);
}

function run(program: string, args: string[], environment: Record<string, string> = {}): ChildProcess {
  return spawn(program, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "inherit", "inherit"],
  });
}

function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Asks again and again until the answer is yes, or something. */
export async function until<T>(what: string, ask: () => Promise<T>): Promise<NonNullable<T>> {
  const end = Date.now() + PATIENCE_MS;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer) return answer as NonNullable<T>;
    } catch (why) {
      last = why;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited in vain until ${what}: ${String(last)}`);
}
