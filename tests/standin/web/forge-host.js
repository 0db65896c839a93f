// The far end of the Forge bridge: frames the app's pages where an element asks for one
// (`data-forge` names the module, `data-src` the page), and answers their calls. What only Forge's
// own servers can do, tokens above all, the stand-in does behind `/_standin/forge`.
'use strict';
(() => {
  const { config, standin, flag, refresh, dialogBox, pageOf } = window.standinHost;
  const frames = new Map();
  const flags = new Map();
  const themes = ['light', 'dark'].map((name) => `${location.origin}/bridge/themes/atlaskit-tokens_${name}.css`);

  function frame(place, src, facts) {
    const element = document.createElement('iframe');
    element.src = src;
    element.title = facts.title || 'App';
    element.style.cssText = 'width:100%;border:0;display:block;height:40px';
    place.append(element);
    frames.set(element.contentWindow, { element, facts, themed: false });
    return element;
  }

  const send = (target, message) => target.postMessage(message, '*');
  const tellAll = (event, payload) => frames.forEach((own, target) => send(target, { forge: 'event', event, payload }));

  function theme() {
    return { forge: 'theme', colorMode: document.documentElement.dataset.colorMode, sheets: themes };
  }
  new MutationObserver(() => frames.forEach((own, target) => { if (own.themed) send(target, theme()); }))
    .observe(document.documentElement, { attributes: true, attributeFilter: ['data-color-mode'] });

  document.addEventListener('standin-issue-changed', () => {
    tellAll('JIRA_ISSUE_CHANGED', { issueId: String(config.issue.id) });
  });

  function where({ module, project, edit }) {
    return {
      as: config.account, module,
      ...(config.issue ? { issue: config.issue.key } : {}), ...(project ? { project } : {}), ...(edit ? { edit: '1' } : {}),
    };
  }

  function asked(name) { return new URLSearchParams(location.search).get(name); }

  // Jira's own pages by path or target; everything else as it stands.
  function addressOf({ url, target, issueKey, moduleKey, projectKey }) {
    if (target === 'issue') return pageOf('/browse/' + issueKey);
    if (target === 'module') return pageOf('/apps/' + moduleKey, projectKey ? { project: projectKey } : {});
    if (!url) throw new Error('There is no such place.');
    if (!url.startsWith('/')) return url;
    const [path, query] = url.split('#')[0].split('?');
    return pageOf(path, Object.fromEntries(new URLSearchParams(query || '')));
  }

  async function invoke(own, data) {
    if (data.invokeType !== 'ui-remote-fetch') throw new Error('The app has no functions.');
    const { path, method, headers, body } = data;
    const { facts } = own;
    const outcome = await standin('forge/invoke', {
      ...where(facts), edit: Boolean(facts.edit), call: { path, method, headers, body },
      ...(facts.modal ? { extension: { modal: facts.modal } } : {}),
    });
    if (outcome.rejected !== undefined) throw new Error(outcome.rejected);
    return outcome.resolved;
  }

  async function fetchProduct({ restPath, fetchRequestInit }) {
    if (!restPath.startsWith('/rest/')) throw new Error('Only the REST API is reached this way.');
    const { method, headers, body } = fetchRequestInit;
    const answer = await fetch(restPath, {
      method: method || 'GET', body: body || undefined,
      headers: [...(headers || []), ['x-standin-as', config.account]],
    });
    return {
      status: answer.status, statusText: answer.statusText, isAttachment: false,
      headers: Object.fromEntries(answer.headers), body: await answer.text(),
    };
  }

  function showFlag(options, reply) {
    const shown = flag({
      id: options.id, title: options.title, body: options.description, type: options.type,
      close: options.isAutoDismiss ? 'auto' : 'manual',
      actions: (options.actions || []).map(({ text }, key) => ({ actionText: text, actionKey: key })),
      onTriggered: (key) => { const run = options.actions[key].onClick; if (run) reply(run, []); },
    });
    flags.set(options.id, shown);
    return true;
  }

  function openModal(own, options, reply) {
    const { facts } = own;
    const src = options.resource ? new URL(`/${options.resource}.html`, own.element.src).href : own.element.src;
    const box = dialogBox(options.title, typeof options.size === 'string' ? options.size : 'medium');
    const inner = frame(box.querySelector('.body'), src, {
      ...facts, modal: options.context || {},
      close(payload) {
        frames.delete(inner.contentWindow);
        box.close();
        if (options.onClose) reply(options.onClose, [payload]);
        return true;
      },
    });
    const { close } = frames.get(inner.contentWindow).facts;
    box.addEventListener('cancel', (event) => {
      event.preventDefault();
      if (options.closeOnEscape) close();
    });
    box.addEventListener('click', (event) => { if (event.target === box && options.closeOnOverlayClick) close(); });
    box.showModal();
    return true;
  }

  async function submit({ facts }, configuration) {
    if (!facts.edit) return false;
    await standin('forge/gadget', { configuration });
    location.href = pageOf(location.pathname, { edit: '' });
    return true;
  }

  const commands = {
    async getContext(own) {
      const extra = { theme: document.documentElement.dataset.colorMode, ...(asked('locale') ? { locale: asked('locale') } : {}) };
      const context = await standin('forge-context?' + new URLSearchParams({ ...where(own.facts), ...extra }));
      if (own.facts.modal) context.extension.modal = own.facts.modal;
      return context;
    },
    enableTheming(own, data, reply, target) { own.themed = true; send(target, theme()); },
    invoke,
    fetchProduct: (own, data) => fetchProduct(data),
    fetchRemote() { throw new Error('The stand-in carries calls through Forge alone.'); },
    showFlag: (own, data, reply) => showFlag(data, reply),
    closeFlag(own, { id }) { if (flags.has(id)) flags.get(id).close(); return true; },
    emit(own, { event, payload }) { tellAll(event, payload); },
    emitPublic(own, { event, payload }) { tellAll(event, payload); },
    navigate(own, data) {
      const address = addressOf(data);
      if (data.type === 'new-tab') window.open(address, '_blank', 'noopener');
      else location.href = address;
    },
    getUrl: (own, data) => new URL(addressOf(data), location.href).href,
    reload() { location.reload(); },
    openModal: (own, data, reply) => openModal(own, data, reply),
    close: (own, payload) => (own.facts.close ? own.facts.close(payload) : false),
    onClose: (own) => Boolean(own.facts.close),
    submit,
    async refresh() { await refresh(); return true; },
    emitReadyEvent() {},
    changeWindowTitle(own, title) { document.title = title; },
  };

  window.addEventListener('message', async ({ source, data }) => {
    const own = frames.get(source);
    if (!own || !data) return;
    if (data.forge === 'height') own.element.style.height = data.height + 'px';
    if (data.forge !== 'call') return;
    const reply = (callback, args) => send(source, { forge: 'callback', id: callback.$callback, args });
    try {
      const command = commands[data.command];
      if (!command) throw new Error(`The stand-in does not know the call ${data.command}.`);
      const value = await command(own, data.data || {}, reply, source);
      send(source, { forge: 'answer', id: data.id, value });
    } catch (error) {
      send(source, { forge: 'answer', id: data.id, failure: error.message });
    }
  });

  // A closed part of the page is filled when it is opened.
  document.querySelectorAll('[data-forge]').forEach((place) => {
    const { forge: module, src, project, edit } = place.dataset;
    const show = () => { if (!place.firstChild) frame(place, src, { module, project, edit }); };
    const folded = place.closest('details:not([open])');
    if (folded) folded.addEventListener('toggle', show, { once: true });
    else show();
  });
})();
