// The host side of the stand-in's pages: it puts the app's page into a frame with the published
// connect-host.js and answers what a page may ask of Jira. The facts of the page stand in
// #host-config. Callbacks from the frame are always the last argument.
'use strict';
(() => {
  const config = JSON.parse(document.getElementById('host-config').textContent);
  const last = (args) => args[args.length - 1];
  const here = (extra) => new URLSearchParams({ as: config.account, ...(config.issue ? { issue: config.issue.key } : {}), ...extra });

  async function standin(path, body) {
    const options = body ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {};
    const answer = await fetch('/_standin/' + path, options);
    const data = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok) throw new Error([...(data.errorMessages || []), ...Object.values(data.errors || {})].join(' '));
    return data;
  }
  const act = (name, body) => standin('act/' + name, { as: config.account, ...body });

  // Takes over from a fresh copy of this page whatever is marked as live; the frame stays.
  async function refresh() {
    const answer = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.querySelectorAll('[data-live]').forEach((old) => {
      const now = fresh.querySelector(`[data-live="${old.dataset.live}"]`);
      if (now) old.innerHTML = now.innerHTML;
    });
  }

  // Changes made elsewhere show by themselves, as in Jira.
  let known = '';
  async function look() {
    const answer = await fetch('/_standin/issue/' + config.issue.key);
    const now = await answer.text();
    if (answer.ok && known && known !== now) { await refresh(); issueChanged(); }
    known = now;
  }
  if (config.issue) {
    look().catch(() => {});
    setInterval(() => { if (!document.hidden) look().catch(() => {}); }, 1500);
  }

  function issueChanged() {
    document.dispatchEvent(new CustomEvent('standin-issue-changed'));
    if (!window.connectHost || !config.frame) return;
    connectHost.broadcastEvent('ISSUE_CHANGED', { addon_key: config.frame.addonKey }, { issueId: config.issue.id });
  }

  function flag(options) {
    const box = document.createElement('section');
    box.className = 'flag';
    box.setAttribute('role', 'alert');
    box.dataset.type = options.type || 'info';
    const title = document.createElement('b');
    title.textContent = options.title || '';
    const body = document.createElement('span');
    body.textContent = options.body || '';
    const links = document.createElement('span');
    links.className = 'links';
    const close = () => { box.remove(); if (options.onClose) options.onClose(options.id); };
    (options.actions || []).forEach((action) => {
      const button = document.createElement('button');
      button.textContent = action.actionText;
      button.onclick = () => options.onTriggered && options.onTriggered(action.actionKey, options.id);
      links.append(button);
    });
    const dismiss = document.createElement('button');
    dismiss.textContent = 'Dismiss';
    dismiss.onclick = close;
    links.append(dismiss);
    box.append(title, body, links);
    document.getElementById('flags').append(box);
    if (options.close === 'auto') setTimeout(close, 5000);
    return { close };
  }

  const report = (error) => flag({ type: 'error', title: 'That did not work', body: error.message });

  // The page's own buttons.
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('button[data-transition]');
    if (!button) return;
    try {
      const resolution = document.querySelector('select[data-resolution]');
      await act('transition', {
        issue: config.issue.key, to: button.dataset.transition,
        resolution: button.dataset.asks && resolution ? resolution.value : '',
      });
      await look();
    } catch (error) { report(error); }
  });
  document.addEventListener('submit', async (event) => {
    const form = event.target.closest('form[data-act]');
    if (!form) return;
    event.preventDefault();
    try {
      await act(form.dataset.act, { issue: config.issue.key, ...Object.fromEntries(new FormData(form)) });
      form.reset();
      await look();
    } catch (error) { report(error); }
  });
  document.querySelectorAll('[data-param]').forEach((control) => {
    control.addEventListener('change', () => {
      const url = new URL(location.href);
      url.searchParams.set(control.dataset.param, control.value);
      location.href = url;
    });
  });
  const themeButton = document.getElementById('theme');
  if (themeButton) {
    themeButton.addEventListener('click', () => {
      const root = document.documentElement;
      const mode = root.dataset.colorMode === 'dark' ? 'light' : 'dark';
      root.dataset.colorMode = mode;
      const url = new URL(location.href);
      url.searchParams.set('theme', mode);
      history.replaceState(null, '', url);
    });
  }

  window.standinHost = { config, standin, flag, refresh, dialogBox, pageOf };

  const place = document.getElementById('app-frame');
  if (!config.frame || !window.connectHost || !place) return;

  async function frameUrl(key, custom) {
    const answer = await standin('frame-url?' + here({ ...(key ? { module: key } : {}), ...custom }));
    return answer.url;
  }

  // What a page asks of Jira: defined before the first frame is made.
  connectHost.defineModule('context', {
    getToken() { const done = last(arguments); standin('context-token?' + here()).then((it) => done(it.token), report); },
    getContext() { const done = last(arguments); standin('context?' + here()).then(done, report); },
  });
  connectHost.defineModule('user', {
    getCurrentUser() { last(arguments)({ atlassianAccountId: config.account }); },
    getTimeZone() { last(arguments)('Etc/UTC'); },
    getLocale() { last(arguments)('en_US'); },
  });
  connectHost.defineModule('jira', {
    refreshIssuePage() { refresh().catch(report); },
    openCreateIssueDialog(options) { createIssue(typeof options === 'function' ? {} : options, last(arguments)); },
    openIssueDialog(key) { location.href = pageOf('/browse/' + key); },
    isNativeApp() { last(arguments)(false); },
  });
  connectHost.defineModule('navigator', {
    go(target, context) {
      const to = context || {};
      if (target === 'issue') location.href = pageOf('/browse/' + to.issueKey);
      else if (target === 'addonmodule' || target === 'addonModule') {
        const custom = Object.fromEntries(Object.entries(to.customData || {}).map(([name, value]) => ['ac.' + name, value]));
        location.href = pageOf('/plugins/servlet/ac/' + config.frame.addonKey + '/' + to.moduleKey, custom);
      } else location.href = pageOf('/');
    },
    getLocation() { last(arguments)({ target: config.issue ? 'issueview' : 'addonmodule', context: config.issue ? { issueKey: config.issue.key } : {} }); },
    reload() { location.reload(); },
  });
  connectHost.defineModule({
    request(options) {
      const done = last(arguments);
      if (!String(options.url).startsWith('/')) { done({ status: 400 }, undefined, ''); return; }
      fetch(options.url, {
        method: options.type || 'GET',
        headers: { 'x-standin-as': config.account, ...(options.contentType ? { 'content-type': options.contentType } : {}), ...options.headers },
        body: options.data,
      }).then(async (answer) => {
        const xhr = { status: answer.status, statusText: answer.statusText, responseText: await answer.text() };
        done(answer.ok ? false : xhr, xhr, xhr.responseText);
      }, () => done({ status: 0 }, undefined, ''));
    },
    getLocation() { last(arguments)(location.href); },
  });

  function pageOf(path, extra) {
    const params = new URLSearchParams(location.search);
    ['module', 'issue'].forEach((name) => params.delete(name));
    Object.entries(extra || {}).forEach(([name, value]) => params.set(name, value));
    return path + '?' + params;
  }

  function createIssue(options, done) {
    const box = dialogBox('Create issue', 'medium');
    const form = document.createElement('form');
    form.className = 'stack';
    form.innerHTML = '<label>Summary<input name="summary" required></label><button class="primary">Create</button>';
    form.onsubmit = async (event) => {
      event.preventDefault();
      try {
        const made = await act('create', { project: config.project, type: options.issueType || 'Bug', summary: form.elements.summary.value });
        box.close();
        done([{ id: String(made.id), key: made.key }]);
        refresh();
      } catch (error) { report(error); }
    };
    box.querySelector('.body').append(form);
    box.showModal();
  }

  function dialogBox(title, size) {
    const box = document.createElement('dialog');
    box.className = size || 'medium';
    const head = document.createElement('div');
    head.className = 'head';
    head.textContent = title || '';
    const body = document.createElement('div');
    body.className = 'body';
    const foot = document.createElement('div');
    foot.className = 'foot';
    box.append(head, body, foot);
    box.addEventListener('close', () => box.remove());
    document.body.append(box);
    return box;
  }

  const adaptor = connectHost.getFrameworkAdaptor();
  const provide = (name, provider) => adaptor.registerModule({
    getModuleRegistrationName: () => name, isEnabled: () => true, getProvider: () => provider,
  });
  provide('flag', { create: flag });
  let open = null;
  provide('dialog', {
    create(options, extension) {
      open = dialogBox(options.header, options.size);
      const box = open;
      frameUrl(extension.key).then((url) => {
        $(box.querySelector('.body')).append(connectHost.create({
          addon_key: extension.addon_key, key: extension.key, url,
          options: { ...extension.options, isDialog: true, dialogId: options.id, autoresize: true, hostOrigin: location.origin, width: '100%', height: '80px' },
        }));
      }, report);
      box.showModal();
      return box;
    },
    close() { if (open) open.close(); open = null; },
    isActiveDialog: () => Boolean(open),
    createButton(options) {
      if (!open) return;
      const button = document.createElement('button');
      button.textContent = options.text;
      button.dataset.key = options.identifier;
      button.onclick = () => connectHost.broadcastEvent('dialog.button.click', { addon_key: config.frame.addonKey }, { button: { identifier: options.identifier, name: options.identifier } });
      open.querySelector('.foot').append(button);
    },
    setButtonDisabled() {}, isButtonDisabled: () => false, toggleButton() {}, setButtonHidden() {}, isButtonHidden: () => false,
  });

  // Asked when the token in a frame's address is about to expire.
  connectHost.registerContentResolver.resolveByExtension((data) => {
    const fresh = $.Deferred();
    frameUrl(data.key).then((url) => fresh.resolve({ ...data, url }), (error) => { report(error); fresh.reject(error); });
    return fresh.promise();
  });

  $(place).append(connectHost.create({
    addon_key: config.frame.addonKey, key: config.frame.moduleKey, url: config.frame.url,
    options: { autoresize: true, hostOrigin: location.origin, width: '100%', height: '40px', isFullPage: !config.issue, productContext: config.issue ? { 'issue.id': String(config.issue.id), 'issue.key': config.issue.key } : {} },
  }));
})();
