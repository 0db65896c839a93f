// Requests go through the host; what came of them is said aloud, and what went wrong is said where
// it was asked for, with a way to try again.

import type { Host } from "./host";
import { on, type RequestContext } from "./htmx";
import { LOOK_AGAIN } from "./issue";

interface Problem {
  title: string;
  detail?: string;
}

export function followRequests(host: Host): void {
  on("htmx:config:request", (ctx) => {
    ctx.fetch = (address, request) => host.fetch(address, request);
  });
  on("htmx:before:request", (ctx) => slotOf(ctx)?.replaceChildren());
  on("htmx:after:request", (ctx, event) => {
    const status = ctx.response?.status ?? 0;
    if (status < 400) return;
    event.preventDefault();
    report(ctx, problemOf(ctx));
  });
  on("htmx:error", (ctx) =>
    report(ctx, {
      title: "Touchstone could not be reached.",
      detail: "Check the connection and try again; nothing was lost.",
    }),
  );
  on("htmx:after:swap", (ctx) => {
    const swapped = ctx.target?.id ? document.getElementById(ctx.target.id) : ctx.target;
    const { say, done, changed } = swapped?.dataset ?? {};
    // What nobody asked for is only worth a word when it is news.
    if (say && !(ctx.sourceEvent.type === LOOK_AGAIN && say === said)) announce(say);
    if (done) host.flag(done);
    if (changed !== undefined) host.issueChanged();
  });
}

let said = "";

/** Says something to those who listen to the page. */
function announce(text: string): void {
  const live = document.getElementById("live");
  if (!live) return;
  // The same words twice are only spoken again when the region was empty in between.
  live.textContent = "";
  said = text;
  requestAnimationFrame(() => {
    live.textContent = text;
  });
}

/** Where trouble with a request is shown: in the dialog it came from, or at the top of the page. */
function slotOf(ctx: RequestContext): Element | null {
  const near = ctx.sourceElement.closest("dialog, [data-trouble]");
  return near?.querySelector(".trouble") ?? document.querySelector("main .trouble");
}

function problemOf(ctx: RequestContext): Problem {
  try {
    const problem: unknown = JSON.parse(ctx.text ?? "");
    if (isProblem(problem)) return problem;
  } catch {
    // A proxy in between answers in its own way.
  }
  return {
    title: "Something went wrong.",
    detail: `The answer was ${ctx.response?.status ?? "empty"}. Trying again may help.`,
  };
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "title" in value;
}

function report(ctx: RequestContext, problem: Problem): void {
  const template = document.getElementById("trouble");
  const slot = slotOf(ctx);
  if (!slot || !(template instanceof HTMLTemplateElement)) return;
  const message = template.content.cloneNode(true) as DocumentFragment;
  const set = (selector: string, text: string) => {
    const element = message.querySelector(selector);
    if (element) element.textContent = text;
  };
  set("h2", problem.title);
  set("p", problem.detail ?? "");
  message.querySelector("[data-again]")?.addEventListener("click", () => {
    const { type } = ctx.sourceEvent;
    ctx.sourceElement.dispatchEvent(new Event(type, { bubbles: true, cancelable: true }));
  });
  slot.replaceChildren(message);
  slot.scrollIntoView({ block: "nearest" });
}
