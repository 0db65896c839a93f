// Opens the stand-in's issue page in Chromium with a page that uses the published Forge bridge, and
// looks whether every call of it comes back as Forge's does.
//   node forge.mjs STANDIN_BINARY WEB_DIR BRIDGE_DIR [SCREENSHOT_DIR]
// BRIDGE_DIR is a node_modules with @forge/bridge; esbuild comes from the front end's. CHROMIUM names
// the browser; by default /usr/bin/chromium. Leaves with status 1 if a check fails.
import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';

const [binary, web, bridge, shots] = process.argv.slice(2);
const { chromium } = createRequire(path.join(path.resolve(web), 'x.js'))('playwright-core');
const { buildSync } = createRequire(path.resolve(import.meta.dirname, '../../../ui/x.js'))('esbuild');
const standinPort = 8193, appPort = 8194;
const base = `http://127.0.0.1:${standinPort}`, app = `http://127.0.0.1:${appPort}`;

const folder = mkdtempSync(path.join(tmpdir(), 'standin-forge-'));
mkdirSync(path.join(folder, 'pages'));
const entries = ['panel', 'context', 'admin', 'gadget', 'gadget-edit'];
const module = (key, entry, more = '') => `    - key: ${key}\n      title: ${key}\n      resource: pages/${entry}\n      resolver:\n        endpoint: ui\n${more}`;
writeFileSync(path.join(folder, 'manifest.yml'), `app:
  id: ari:cloud:ecosystem::app/x
modules:
  jira:issuePanel:
${module('panel', 'panel')}  jira:issueContext:
${module('context', 'context')}  jira:adminPage:
${module('admin', 'admin')}  jira:dashboardGadget:
${module('gadget', 'gadget', '      edit:\n        resource: pages/gadget-edit\n')}  trigger:
    - key: issues
      endpoint: events
      events: [avi:jira:updated:issue]
  endpoint:
    - key: ui
      auth: { appUserToken: { enabled: true } }
    - key: events
      route: { path: /events }
resources:
  - key: pages
    path: pages
    entry: { ${entries.map((it) => `${it}: ${it}.html`).join(', ')} }
permissions:
  scopes: [read:jira-work, read:jira-user]
`);
const script = `
import { invokeRemote, requestJira, view, showFlag, router, events, Modal } from '@forge/bridge';
const out = (window.out = {});
const failed = (error) => 'rejected: ' + error.message;
window.go = (to) => router.navigate(to);
window.openModal = () => new Modal({ resource: 'pages/context', title: 'Ask', context: { question: 'well?' }, onClose: (it) => { out.closed = it; } }).open();
window.submit = (it) => view.submit(it).catch(failed);
async function main() {
  const context = (window.context = await view.getContext());
  document.body.append('page of ' + context.moduleKey);
  if (context.extension.modal) { setTimeout(() => view.close({ answer: context.extension.modal.question }), 300); return; }
  await view.theme.enable();
  out.ok = await invokeRemote({ path: '/ui/ok?issue=1', method: 'POST', headers: { 'x-own': '1' }, body: { a: 1 } });
  out.conflict = await invokeRemote({ path: '/ui/conflict', method: 'PUT', body: {} });
  out.unauthorised = await invokeRemote({ path: '/ui/401', method: 'GET' }).catch(failed);
  out.html = await invokeRemote({ path: '/ui/html', method: 'GET' }).catch(failed);
  out.me = await (await requestJira('/rest/api/3/myself')).json();
  out.missing = (await requestJira('/rest/api/3/issue/NO-1')).status;
  await events.on('JIRA_ISSUE_CHANGED', (it) => { out.changed = it; });
  const own = await events.on('own', (it) => { out.own = it; });
  await events.emit('own', 1); await new Promise((go) => setTimeout(go, 100));
  own.unsubscribe(); await events.emit('own', 2); await new Promise((go) => setTimeout(go, 100));
  out.closeAlone = await view.close().catch(failed);
  showFlag({ id: 'one', title: 'Saved', description: 'A flag from the frame.', actions: [{ text: 'Undo', onClick: () => { out.undone = true; } }] });
  out.url = String(await router.getUrl({ target: 'issue', issueKey: 'SHOP-11' }));
  out.done = true;
}
main().catch((error) => { out.error = String(error.stack || error); });
`;
buildSync({
  stdin: { contents: script, resolveDir: folder }, bundle: true, format: 'iife', minify: true,
  outfile: path.join(folder, 'pages/page.js'), nodePaths: [path.resolve(bridge)],
});
for (const entry of entries) {
  writeFileSync(path.join(folder, `pages/${entry}.html`), `<!doctype html><html lang="en"><head><title>${entry}</title><script src="./page.js" defer></script></head><body><script>window.inline = true;</script><div style="height:10px"></div></body></html>`);
}

const seen = [];
const server = http.createServer(async (request, answer) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const { pathname } = new URL(request.url, app);
  seen.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
  const [status, kind, body] = {
    '/ui/ok': [200, 'application/json', '{"tests":3}'], '/ui/conflict': [409, 'application/json; charset=utf-8', '{"title":"no"}'],
    '/ui/401': [401, 'application/json', '{}'], '/ui/html': [502, 'text/html', '<h1>Bad gateway</h1>'],
  }[pathname] || [204, 'application/json', ''];
  answer.writeHead(status, { 'content-type': kind, 'x-multi': ['1', '2'] });
  answer.end(body);
}).listen(appPort, '127.0.0.1');

const standin = spawn(binary, [
  '--listen', `127.0.0.1:${standinPort}`, '--app-url', app, '--host', 'forge',
  '--forge-manifest', path.join(folder, 'manifest.yml'), '--bridge-dir', path.join(web, 'node_modules'),
], { stdio: ['ignore', 'ignore', 'inherit'] });
let failed = 0;
const check = (name, good, saw) => { if (!good) failed += 1; console.log((good ? 'ok    ' : 'FAIL  ') + name + (good ? '' : '   saw: ' + JSON.stringify(saw))); };
async function until(what, probe, tries = 100) {
  for (let i = 0; i < tries; i += 1) {
    try { const it = await probe(); if (it) return it; } catch { /* not yet */ }
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  check(what, false, 'waited in vain');
  return undefined;
}

let browser;
try {
  await until('installed', async () => (await (await fetch(base + '/_standin/forge')).json()).installations.length === 1);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const errors = [], blocked = [];
  tab.on('pageerror', (error) => errors.push(error.message));
  tab.on('console', (message) => { if (/Content Security Policy/.test(message.text())) blocked.push(message.text()); });
  const inner = (page, index = 0) => tab.frames().filter((it) => it.url().endsWith(`/pages/${page}.html`))[index];
  await tab.goto(base + '/browse/SHOP-7?as=mina&locale=de_DE');
  const frame = await until('the panel is framed', () => inner('panel'));
  await until('every call came back', () => frame.evaluate(() => window.out && (window.out.done || window.out.error)));
  const out = await frame.evaluate(() => window.out);
  check('no call failed', !out.error, out.error);
  const context = await frame.evaluate(() => window.context);
  check('context', context.extension.issue.key === 'SHOP-7' && context.siteUrl === base && context.moduleKey === 'panel', context);
  check('locale', /^de/.test(context.locale), context.locale);
  check('a call is answered', out.ok.status === 200 && out.ok.body.tests === 3 && out.ok.headers['x-multi'] === '1,2', out.ok);
  const got = seen.find((it) => it.url === '/ui/ok?issue=1') || { headers: {} };
  check('with token, body and headers', /^Bearer /.test(got.headers.authorization) && got.headers['x-own'] === '1' && got.body === '{"a":1}' && got.headers['x-forge-oauth-user'] && !got.headers['x-forge-oauth-system'], got);
  check('an error in JSON is answered', out.conflict.status === 409 && out.conflict.body.title === 'no', out.conflict);
  check('401 and HTML reject', /^rejected/.test(out.unauthorised) && /^rejected/.test(out.html), [out.unauthorised, out.html]);
  check('Jira as the viewer', out.me.accountId === context.accountId && out.missing === 404, out.me);
  check('events until unsubscribed', out.own === 1, out.own);
  check('a panel cannot be closed', /^rejected/.test(out.closeAlone), out.closeAlone);
  check('an address', out.url.startsWith(base + '/browse/SHOP-11'), out.url);
  check('inline script and style are blocked', blocked.length >= 2 && (await frame.evaluate(() => window.inline)) === undefined, blocked);
  check('colour mode', (await frame.evaluate(() => document.documentElement.dataset.colorMode)) === 'light');
  await tab.click('#theme');
  check('a change of theme', await until('theme', () => frame.evaluate(() => document.documentElement.dataset.colorMode === 'dark')));
  await tab.click('#flags button:has-text("Undo")');
  check('a flag and its action', await until('undo', () => frame.evaluate(() => window.out.undone)));
  if (shots) await tab.screenshot({ path: shots + '/forge-issue.png' });
  await tab.click('button:has-text("Ask for review")');
  check('the frame hears of a change', (await until('changed', () => frame.evaluate(() => window.out.changed))) !== undefined);
  check('the app hears of it', await until('event', () => seen.some((it) => it.url === '/events' && JSON.parse(it.body).eventType === 'avi:jira:updated:issue')));
  await frame.evaluate(() => window.openModal());
  check('a modal gives its answer', (await until('modal', () => frame.evaluate(() => window.out.closed)))?.answer === 'well?');
  check('the modal is gone', await until('gone', async () => (await tab.locator('dialog').count()) === 0));
  await tab.click('summary:has-text("context")');
  check('a closed part is filled when opened', await until('context', () => inner('context')));
  await frame.evaluate(() => window.go('/browse/SHOP-11'));
  check('navigation keeps who looks', await until('navigation', () => tab.url().startsWith(base + '/browse/SHOP-11?') && tab.url().includes('as=mina')));
  await tab.goto(base + '/admin?as=ada');
  check('the admin page', await until('admin', () => inner('admin')));
  await tab.goto(base + '/apps/gadget?as=mina&edit=1');
  const edit = await until('the edit page', () => inner('gadget-edit'));
  await until('it runs', () => edit.evaluate(() => Boolean(window.context && window.submit)));
  await edit.evaluate(() => window.submit({ project: 'SHOP' }));
  const gadget = await until('the gadget again', () => inner('gadget'));
  const kept = await until('its configuration', () => gadget.evaluate(() => window.context && window.context.extension.gadgetConfiguration));
  check('the configuration is kept', kept?.project === 'SHOP', kept);
  check('no error on the page', errors.length === 0, errors);
} finally {
  if (browser) await browser.close();
  standin.kill();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed ? failed + ' failed' : 'all good');
process.exit(failed ? 1 : 0);
