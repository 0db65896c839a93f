// Opens the stand-in's issue page in Chromium with a tiny app in the frame, and looks whether both
// ends of the published bridge work together.
//   node page.mjs STANDIN_BINARY WEB_DIR [SCREENSHOT_DIR]
// CHROMIUM names the browser; by default /usr/bin/chromium. Leaves with status 1 if a check fails.
import { spawn } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import { createRequire } from 'node:module';

const [binary, web, shots] = process.argv.slice(2);
const { chromium } = createRequire(path.join(path.resolve(web), 'x.js'))('playwright-core');
const standinPort = 8191, appPort = 8192;
const base = `http://127.0.0.1:${standinPort}`, app = `http://127.0.0.1:${appPort}`;

const descriptor = {
  key: 'org.example.check', name: 'Check', baseUrl: app, authentication: { type: 'jwt' },
  apiMigrations: { 'signed-install': true, 'context-qsh': true, gdpr: true },
  scopes: ['READ', 'WRITE'],
  lifecycle: { installed: '/installed', enabled: '/enabled', uninstalled: '/uninstalled' },
  modules: {
    jiraIssueContexts: [{
      key: 'tests', name: { value: 'Tests' }, icon: { url: '/i.svg', width: 16, height: 16 },
      content: { type: 'label', label: { value: 'Tests' } },
      target: { type: 'web_panel', url: '/panel?issueKey={issue.key}&issueId={issue.id}' },
    }],
    dialogs: [{ key: 'ask', url: '/dialog' }],
    generalPages: [{ key: 'wide', name: { value: 'Wide' }, url: '/wide?from={ac.from}' }],
    adminPages: [{ key: 'admin', name: { value: 'Check settings' }, url: '/admin' }],
    webhooks: [{ event: 'jira:issue_updated', url: '/hook' }],
  },
};
const page = (body, script) => `<!doctype html><html lang="en"><head>
<script src="${base}/bridge/all.js" data-options="margin:false"></script></head>
<body style="margin:0;background:var(--ds-surface);color:var(--ds-text);font:14px sans-serif">
<div class="ac-content" style="padding:12px 16px">${body}</div><script>${script}</script></body></html>`;
const panel = page('<b id="t">Tests of this issue</b><div style="height:150px"></div>', `
var out = window.out = {};
AP.context.getToken(function (t) { out.token = t; });
AP.context.getContext(function (c) { out.issue = c.jira.issue.key; });
AP.user.getCurrentUser(function (u) { out.user = u.atlassianAccountId; });
AP.getLocation(function (l) { out.location = l; });
AP.request('/rest/api/3/myself').then(function (r) { out.myself = JSON.parse(r.body).accountId; });
AP.request('/rest/api/3/issue/NO-1').catch(function (e) { out.missing = e.xhr.status; });
AP.request({ url: '/rest/api/3/serverInfo', success: function (b) { out.info = JSON.parse(b).deploymentType; } });
AP.events.on('ISSUE_CHANGED', function (d) { out.changed = d.issueId; });
AP.events.on('dialog.close', function (d) { out.closed = d && d.answer; });
AP.theming.initializeTheming();
AP.flag.create({ title: 'Linked', body: 'A flag from the frame.', type: 'success', close: 'manual' });
`);
const dialog = page('A dialog of the app', `AP.dialog.getCustomData(function (d) { setTimeout(function () { AP.dialog.close({ answer: d.question }); }, 300); });`);
const seen = [];
const server = http.createServer((request, answer) => {
  const { pathname, searchParams } = new URL(request.url, app);
  seen.push({ method: request.method, pathname, authorization: request.headers.authorization, jwt: searchParams.get('jwt'), issueKey: searchParams.get('issueKey') });
  if (pathname === '/atlassian-connect.json') { answer.setHeader('content-type', 'application/json'); answer.end(JSON.stringify(descriptor)); return; }
  if (request.method === 'POST') { answer.statusCode = 204; answer.end(); return; }
  answer.setHeader('content-type', 'text/html');
  answer.setHeader('content-security-policy', `frame-ancestors ${base}`);
  answer.end({ '/panel': panel, '/dialog': dialog }[pathname] || page('<h2>Settings of the app</h2>', ''));
}).listen(appPort, '127.0.0.1');

const standin = spawn(binary, ['--listen', `127.0.0.1:${standinPort}`, '--app-url', app, '--bridge-dir', path.join(web, 'node_modules')], { stdio: ['ignore', 'ignore', 'inherit'] });
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
  await until('installed', async () => (await (await fetch(base + '/_standin/state')).json()).appIsLive);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const shoot = async (name) => {
    if (!shots) return;
    await tab.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => {});
    await tab.screenshot({ path: shots + name });
  };
  const errors = [];
  tab.on('pageerror', (error) => errors.push(error.message));
  await tab.goto(base + '/browse/SHOP-7?as=daniel');
  const frame = await until('the panel is framed', () => tab.frames().find((it) => it.url().startsWith(app + '/panel')));
  await until('the page inside answers', () => frame.evaluate(() => window.out && window.out.myself && window.out.missing && window.out.info && window.out.token));
  const out = await frame.evaluate(() => window.out);
  const claims = JSON.parse(Buffer.from(out.token.split('.')[1], 'base64url'));
  check('context token', claims.qsh === 'context-qsh' && claims.context.jira.issue.key === 'SHOP-7', claims);
  check('context', out.issue === 'SHOP-7', out);
  check('current user', out.user === claims.sub, out);
  check('location', out.location.startsWith(base + '/browse/SHOP-7'), out);
  check('request as the viewer', out.myself === claims.sub, out);
  check('request that is refused', out.missing === 404, out);
  check('request with callbacks', out.info === 'Cloud', out);
  check('the frame was asked for with a token', seen.some((it) => it.pathname === '/panel' && it.jwt && it.issueKey === 'SHOP-7'), seen);
  check('flag', (await tab.textContent('#flags')).includes('A flag from the frame.'));
  check('autoresize', await until('autoresize', () => tab.evaluate(() => parseInt(document.querySelector('#app-frame iframe').style.height, 10) > 150)));
  await tab.click('#theme');
  check('theme reaches the frame', await until('theme', () => frame.evaluate(() => document.documentElement.dataset.colorMode === 'dark' && Boolean(document.querySelector('link[data-theme]')))));
  await shoot('/issue-dark.png');
  await tab.click('#theme');
  await tab.click('button:has-text("Ask for review")');
  check('a transition by button', await until('transition', async () => (await tab.textContent('[data-live="status"]')).startsWith('In Review')));
  check('the frame hears of it', (await until('event', () => frame.evaluate(() => window.out.changed))) !== undefined);
  check('a webhook went out', await until('webhook', () => seen.some((it) => it.pathname === '/hook' && /^JWT /.test(it.authorization || ''))));
  await tab.fill('textarea[name="text"]', 'A comment from the page.');
  await tab.click('button:has-text("Comment")');
  check('a comment by form', await until('comment', async () => (await tab.textContent('[data-live="activity"]')).includes('A comment from the page.')));
  await frame.evaluate(() => AP.dialog.create({ key: 'ask', size: 'medium', header: 'Ask', customData: { question: 'well?' } }));
  check('dialog with custom data', (await until('dialog', () => frame.evaluate(() => window.out.closed))) === 'well?');
  await shoot('/issue-light.png');
  await tab.goto(base + '/browse/SHOP-7?as=daniel&theme=dark');
  check('a page that begins dark has a dark frame', await until('dark', () => tab.frames().find((it) => it.url().startsWith(app + '/panel')).evaluate(() => document.documentElement.dataset.colorMode === 'dark')));
  await tab.goto(base + '/browse/SHOP-11?as=daniel&width=320');
  check('a panel as wide as asked for', (await until('frame', () => tab.evaluate(() => document.querySelector('#app-frame iframe').getBoundingClientRect().width))) === 320);
  await shoot('/bug-320.png');
  await tab.selectOption('select[data-resolution]', "Won't Do");
  await tab.click('button:has-text("Done")');
  check('a resolution by select', await until('resolution', async () => (await tab.textContent('[data-live="details"]')).includes("Won't Do")));
  await tab.goto(base + '/admin?as=ada');
  check('the admin page is framed', await until('admin', () => tab.frames().some((it) => it.url().startsWith(app + '/admin'))));
  const go = await until('the admin frame', () => tab.frames().find((it) => it.url().startsWith(app + '/admin')));
  await go.waitForFunction(() => window.AP && AP.navigator);
  await go.evaluate(() => AP.navigator.go('addonmodule', { moduleKey: 'wide', customData: { from: 'admin' } }));
  check('the navigator opens another page of the app', await until('navigator', () => tab.frames().some((it) => it.url().startsWith(app + '/wide?from=admin'))));
  await tab.goto(base + '/');
  await shoot('/list.png');
  check('no error on the page', errors.length === 0, errors);
} finally {
  if (browser) await browser.close();
  standin.kill();
  server.close();
}
console.log(failed ? failed + ' failed' : 'all good');
process.exit(failed ? 1 : 0);
