// A frame that came without its content (every page under Forge, the gadget under Connect) asks for
// it: `data-page` names the page, the host says where it stands, and the request goes the way of
// every other, so that trouble with it is told in the same words.

import type { Host, Place } from "./host";
import { htmx } from "./htmx";
import { tell, type Trouble } from "./trouble";

/** The event on which the page asks for its content. */
export const OPEN = "touchstone:open";

const ADDRESSES: Record<string, (place: Place) => string | undefined> = {
  panel: ({ issue }) => issue && `/ui/issue/${encodeURIComponent(issue)}`,
  context: ({ issue }) => issue && `/ui/issue/${encodeURIComponent(issue)}/context`,
  admin: () => "/ui/admin",
  project: ({ project }) => project && `/ui/project/${encodeURIComponent(project)}`,
  gadget: ({ settings }) => `/ui/gadget${chosen(settings.project)}`,
  "gadget-edit": ({ settings }) => `/ui/gadget/settings${chosen(settings.project)}`,
};

function chosen(project: string | undefined): string {
  return project ? `?project=${encodeURIComponent(project)}` : "";
}

export function followOpening(host: Host): void {
  const main = document.querySelector<HTMLElement>("main[data-page]");
  if (main) void open(host, main);
}

async function open(host: Host, main: HTMLElement): Promise<void> {
  try {
    const address = ADDRESSES[main.dataset["page"] ?? ""]?.(await host.place());
    if (address === undefined) throw new Error("Jira did not say where this page stands");
    ask(main, `${main.dataset["root"] ?? ""}${address}`);
  } catch {
    const trouble: Trouble = {
      title: "Jira did not say what to show here.",
      detail: "Try again; if that does not help, reload the page.",
    };
    tell(main.querySelector(".trouble"), trouble, () => void open(host, main));
  }
}

/** Puts what the service answers in the place of an element. */
export function ask(element: HTMLElement, address: string): void {
  element.setAttribute("hx-get", address);
  element.setAttribute("hx-trigger", OPEN);
  element.setAttribute("hx-swap", "outerHTML");
  htmx.process(element, true);
  element.dispatchEvent(new Event(OPEN));
}
