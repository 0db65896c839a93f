// Requests go through the host; what came of them is said aloud, and what went wrong is said where
// it was asked for, with a way to try again.

import { type Host, Unanswered } from "./host";
import { on, type RequestContext } from "./htmx";
import { LOOK_AGAIN } from "./issue";
import { OPEN } from "./opening";
import { tell, type Tone, type Trouble } from "./trouble";

export function followRequests(host: Host): void {
  on("htmx:config:request", (ctx) => {
    ctx.fetch = (address, request) => host.fetch(address, request);
  });
  on("htmx:before:request", (ctx) => slotOf(ctx)?.replaceChildren());
  on("htmx:after:request", (ctx, event) => {
    const status = ctx.response?.status ?? 0;
    if (status < 400) return;
    event.preventDefault();
    const isRefused = ctx.sourceEvent.type === OPEN && (status === 403 || status === 404);
    report(ctx, problemOf(ctx), isRefused ? "refusal" : "trouble");
  });
  on("htmx:error", (ctx, event) => {
    const { error } = (event as CustomEvent<{ error?: unknown }>).detail;
    if (error instanceof Unanswered) {
      report(ctx, { title: error.message, detail: error.detail });
      return;
    }
    report(ctx, {
      title: "Touchstone could not be reached.",
      detail: "Check the connection and try again; nothing was lost.",
    });
  });
  on("htmx:after:swap", (ctx) => {
    const swapped = ctx.target?.id ? document.getElementById(ctx.target.id) : ctx.target;
    const { say, done, changed } = swapped?.dataset ?? {};
    // What nobody asked for is only worth a word when it is news; a page that opens reads itself out.
    const isNoNews = ctx.sourceEvent.type === LOOK_AGAIN && say === said;
    if (say && !isNoNews && ctx.sourceEvent.type !== OPEN) announce(say);
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

function problemOf(ctx: RequestContext): Trouble {
  try {
    const problem: unknown = JSON.parse(ctx.text ?? "");
    if (isTrouble(problem)) return problem;
  } catch {
    // A proxy in between answers in its own way.
  }
  return {
    title: "Something went wrong.",
    detail: `The answer was ${ctx.response?.status ?? "empty"}. Trying again may help.`,
  };
}

function isTrouble(value: unknown): value is Trouble {
  return typeof value === "object" && value !== null && "title" in value;
}

function report(ctx: RequestContext, trouble: Trouble, tone: Tone = "trouble"): void {
  const again = () => {
    const { type } = ctx.sourceEvent;
    ctx.sourceElement.dispatchEvent(new Event(type, { bubbles: true, cancelable: true }));
  };
  tell(slotOf(ctx), trouble, again, tone);
}
