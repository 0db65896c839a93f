// Forge: the page stands on Atlassian's servers and reaches the service through the bridge only.
// Jira adds the proof of who looks (it never passes through here) and hands on JSON alone, so the
// service wraps each fragment, and this unwraps it.

import { events, invokeRemote, showFlag, view } from "@forge/bridge";
import { type Host, type Place, Unanswered } from "../host";
import { unanswered } from "./unanswered";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** An answer as the bridge gives it: errors of ours resolve like everything else. */
interface Answer {
  status?: number;
  body?: unknown;
}

/** A fragment, and the headers of it that htmx reads. */
interface Wrapped {
  html: string;
  headers?: Record<string, string>;
}

/** What Jira says of the page, as far as it is used; for showing only, the service checks its own. */
interface Extension {
  issue?: { id?: string };
  project?: { key?: string };
  gadgetConfiguration?: { project?: unknown };
}

function isWrapped(body: unknown): body is Wrapped {
  return typeof body === "object" && body !== null && typeof (body as Wrapped).html === "string";
}

/** A file, which is read by `../downloads`. */
function isCarried(body: unknown): boolean {
  return typeof body === "object" && body !== null && "base64" in body;
}

/** The answer as htmx knows answers. */
function asResponse({ status = 0, body }: Answer): Response {
  if (status >= 200 && status < 300 && isWrapped(body)) {
    const headers = { "Content-Type": "text/html", ...body.headers };
    return new Response(body.html, { status, headers });
  }
  if (status >= 200 && status < 300 && isCarried(body)) {
    return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  }
  if (status >= 400 && status <= 599 && body !== undefined && body !== null) {
    const headers = { "Content-Type": "application/problem+json" };
    return new Response(JSON.stringify(body), { status, headers });
  }
  throw new Unanswered(
    "The answer cannot be read.",
    `Something between Jira and Touchstone answered instead (${status || "no status"}). Try again in a moment.`,
  );
}

/** A form as the bridge takes it: an object, with every value of a name in order. */
function asObject(body: BodyInit | null | undefined): Record<string, string[]> | undefined {
  if (body === null || body === undefined) return undefined;
  const fields: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(body as URLSearchParams)) {
    (fields[name] ??= []).push(value);
  }
  return fields;
}

/** A call of the bridge cannot be taken back; the page can stop waiting for it. */
function untilAborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => {
      const isLate = signal.reason === "timeout";
      reject(isLate ? new Error("timeout") : new DOMException("not awaited any more", "AbortError"));
    });
  });
}

async function extension(): Promise<Extension> {
  const { extension } = await view.getContext();
  return extension as Extension;
}

export const forge: Host = {
  name: "forge",
  async fetch(path, request) {
    const method = (request.method ?? "GET") as Method;
    const body = asObject(request.body);
    const asked = invokeRemote({ path, method, ...(body && { body }) });
    try {
      const answer = await Promise.race([asked, untilAborted(request.signal)]);
      return asResponse(answer as Answer);
    } catch (why) {
      if (why instanceof Unanswered || why instanceof DOMException) throw why;
      throw unanswered(why instanceof Error ? why.message : String(why), method === "GET");
    }
  },
  async place() {
    const { issue, project, gadgetConfiguration } = await extension();
    const place: Place = { settings: {} };
    if (issue?.id) place.issue = String(issue.id);
    if (project?.key) place.project = project.key;
    const chosen = gadgetConfiguration?.project;
    if (typeof chosen === "string") place.settings.project = chosen;
    return place;
  },
  async keepSettings(settings) {
    await view.submit(settings);
  },
  onEdit() {
    // Jira opens the gadget's own edit view instead.
  },
  followTheme() {
    view.theme.enable().catch(() => {
      // The reader's system decides then.
    });
  },
  flag(title) {
    showFlag({ id: `touchstone-${Date.now()}`, title, type: "success", isAutoDismiss: true });
  },
  issueChanged() {
    view.refresh().catch(() => {
      // Not every view can look again; the reader can.
    });
  },
  onIssueChanged(look) {
    events.on("JIRA_ISSUE_CHANGED", look).catch(() => {
      // Then the page shows what was true when it was opened.
    });
  },
};
