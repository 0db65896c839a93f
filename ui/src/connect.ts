// Atlassian Connect: the bridge `AP`, which the page loads from Atlassian, joins us to the Jira page.
// Tokens live for minutes and the bridge keeps them fresh, so one is asked for before each request.

import type { Host } from "./host";

interface Bridge {
  context: { getToken(callback: (token: string) => void): void };
  theming?: { initializeTheming(): void };
  flag?: { create(options: { title: string; type: "success"; close: "auto" }): unknown };
  events?: { on(name: string, listen: () => void): void };
  jira?: { refreshIssuePage?(): void };
}

declare global {
  interface Window {
    AP?: Bridge;
  }
}

const PATIENCE_MS = 10_000;

function token(bridge: Bridge): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("Jira gave no token")), PATIENCE_MS);
    bridge.context.getToken((token) => {
      clearTimeout(timer);
      resolve(token);
    });
  });
}

export const connect: Host = {
  async fetch(address, request) {
    if (!window.AP) throw new Error("the bridge to Jira is not loaded");
    const headers = new Headers(request.headers);
    headers.set("Authorization", `JWT ${await token(window.AP)}`);
    return fetch(address, { ...request, headers, credentials: "omit" });
  },
  followTheme() {
    window.AP?.theming?.initializeTheming();
  },
  flag(title) {
    window.AP?.flag?.create({ title, type: "success", close: "auto" });
  },
  issueChanged() {
    window.AP?.jira?.refreshIssuePage?.();
  },
  onIssueChanged(look) {
    window.AP?.events?.on("ISSUE_CHANGED", look);
  },
};
