// Keeps the panel true while somebody works on the issue beside it. The product's page knows of a
// change before the service has been told, so the panel looks after a moment, and once more later.

import type { Host } from "./host";

/** The event on which the panel asks for itself. */
export const LOOK_AGAIN = "touchstone:look-again";

const LOOKS_AFTER_MS = [1_500, 6_000];

export function followIssue(host: Host): void {
  let timers: ReturnType<typeof setTimeout>[] = [];
  host.onIssueChanged(() => {
    timers.forEach(clearTimeout);
    timers = LOOKS_AFTER_MS.map((after) => setTimeout(look, after));
  });
}

/** Looks, unless the reader is in the middle of something. */
function look(): void {
  if (document.querySelector("dialog[open], .menu:popover-open")) return;
  document.getElementById("panel")?.dispatchEvent(new Event(LOOK_AGAIN));
}
