// Atlassian Connect: the bridge `AP`, which the page loads from Atlassian, joins us to the Jira page.
// Tokens live for minutes and the bridge keeps them fresh, so one is asked for before each request.

import type { Host, Settings } from "./host";

interface Bridge {
  context: { getToken(callback: (token: string) => void): void };
  theming?: { initializeTheming(): void };
  flag?: { create(options: { title: string; type: "success"; close: "auto" }): unknown };
  events?: { on(name: string, listen: () => void): void };
  jira?: {
    refreshIssuePage?(): void;
    DashboardItem?: { onDashboardItemEdit?(change: () => void): void };
  };
  request(options: {
    url: string;
    type: "GET" | "PUT";
    contentType?: string;
    data?: string;
  }): Promise<{ body: string }>;
}

declare global {
  interface Window {
    AP?: Bridge;
  }
}

const PATIENCE_MS = 10_000;
/** The property of a dashboard item that holds what it shows. */
const SETTINGS = "touchstone";

function bridge(): Bridge {
  if (!window.AP) throw new Error("the bridge to Jira is not loaded");
  return window.AP;
}

function token(bridge: Bridge): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("Jira gave no token")), PATIENCE_MS);
    bridge.context.getToken((token) => {
      clearTimeout(timer);
      resolve(token);
    });
  });
}

/** Where Jira keeps what this gadget shows; the address of the frame names the gadget. */
function settingsAddress(): string | undefined {
  const query = new URLSearchParams(location.search);
  const [dashboard, item] = [query.get("dashboardId"), query.get("dashboardItemId")];
  if (!dashboard || !item) return undefined;
  const [of, within] = [encodeURIComponent(dashboard), encodeURIComponent(item)];
  return `/rest/api/3/dashboard/${of}/items/${within}/properties/${SETTINGS}`;
}

async function settings(): Promise<Settings> {
  const url = settingsAddress();
  if (!url) return {};
  try {
    const { body } = await bridge().request({ url, type: "GET" });
    const { project } = (JSON.parse(body) as { value?: Settings }).value ?? {};
    return project ? { project } : {};
  } catch {
    // Jira answers 404 until somebody chose something.
    return {};
  }
}

export const connect: Host = {
  name: "connect",
  async fetch(address, request) {
    const headers = new Headers(request.headers);
    headers.set("Authorization", `JWT ${await token(bridge())}`);
    return fetch(address, { ...request, headers, credentials: "omit" });
  },
  async place() {
    return { settings: await settings() };
  },
  async keepSettings(settings) {
    const url = settingsAddress();
    if (!url) throw new Error("Jira did not say which gadget this is");
    const data = JSON.stringify(settings);
    await bridge().request({ url, type: "PUT", contentType: "application/json", data });
  },
  onEdit(change) {
    window.AP?.jira?.DashboardItem?.onDashboardItemEdit?.(change);
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
