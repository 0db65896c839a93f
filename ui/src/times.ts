// The service writes exact times in UTC; the reader's own time zone is known only here.

import { on } from "./htmx";

export function followTimes(): void {
  localise(document);
  on("htmx:after:swap", () => localise(document));
}

function localise(within: ParentNode): void {
  for (const time of within.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = at.toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
  }
}
