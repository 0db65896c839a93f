// The near end of the Forge bridge, put into every page of the app before its own scripts: each
// call becomes a message to the page around, whose answer settles the promise. Functions stay here;
// the page around knows them by number.
'use strict';
(() => {
  const around = window.parent;
  const open = new Map(), callbacks = new Map(), listeners = new Map();
  let count = 0;

  // Nothing that cannot be copied may travel.
  function packed(value) {
    if (typeof value === 'function') {
      count += 1;
      callbacks.set(count, value);
      return { $callback: count };
    }
    if (Array.isArray(value)) return value.map(packed);
    if (value && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
      return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, packed(own)]));
    }
    return value;
  }

  function listen({ event, callback }) {
    if (!listeners.has(event)) listeners.set(event, new Set());
    listeners.get(event).add(callback);
    return { unsubscribe: () => listeners.get(event).delete(callback) };
  }

  function call(command, data) {
    if (command === 'on' || command === 'onPublic') return Promise.resolve(listen(data));
    count += 1;
    const id = count;
    return new Promise((resolve, reject) => {
      open.set(id, { resolve, reject });
      around.postMessage({ forge: 'call', id, command, data: packed(data) }, '*');
    });
  }

  function dress({ colorMode, sheets }) {
    const root = document.documentElement;
    root.setAttribute('data-color-mode', colorMode);
    root.setAttribute('data-theme', 'dark:dark light:light spacing:spacing');
    sheets.filter((href) => !document.querySelector(`link[href="${href}"]`)).forEach((href) => {
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = href;
      document.head.prepend(link);
    });
  }

  const told = {
    answer({ id, value, failure }) {
      const { resolve, reject } = open.get(id) || {};
      open.delete(id);
      if (failure !== undefined && reject) reject(new Error(failure));
      else if (resolve) resolve(value);
    },
    callback({ id, args }) { (callbacks.get(id) || (() => {}))(...args); },
    event({ event, payload }) { (listeners.get(event) || []).forEach((listener) => listener(payload)); },
    theme: dress,
  };
  window.addEventListener('message', ({ source, data }) => {
    if (source === around && data && told[data.forge]) told[data.forge](data);
  });

  globalThis.__bridge = { callBridge: call };

  // The frame is as high as its content.
  function tellHeight() {
    const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
    around.postMessage({ forge: 'height', height }, '*');
  }
  new ResizeObserver(tellHeight).observe(document.documentElement);
})();
