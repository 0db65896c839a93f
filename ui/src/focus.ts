// A swap may take away what had the focus. Then it goes to the nearest thing that is left, so that
// somebody with a keyboard goes on where they were: the same row, the next one, the page. A swap that
// nobody asked for takes no focus to where there was none.

import { on } from "./htmx";
import { LOOK_AGAIN } from "./issue";
import { OPEN } from "./opening";

export function followFocus(): void {
  let place: { row: string | undefined; index: number } | undefined;
  const rows = () => [...document.querySelectorAll<HTMLElement>(".test")];

  document.addEventListener("focusin", (event) => {
    const row = event.target instanceof Element && event.target.closest<HTMLElement>(".test");
    if (row) place = { row: row.id, index: rows().indexOf(row) };
    else if (event.target instanceof Element && !event.target.closest("dialog")) place = undefined;
  });
  // The dialog that asked closes in the same turn and gives the focus back, if it can. Until the
  // page is drawn again, what was in it and is not to be seen any more still has it.
  on("htmx:after:swap", ({ sourceEvent: { type }, target }) =>
    setTimeout(() => {
      if ([OPEN, LOOK_AGAIN, "load"].includes(type) && !place) return;
      const focused = document.activeElement;
      if (focused && focused !== document.body && focused.checkVisibility()) return;
      const left = rows();
      const row = left.find((row) => row.id === place?.row) ?? left[place?.index ?? left.length];
      const next =
        target?.id === "children"
          ? document.querySelector<HTMLElement>("#children a")
          : row?.querySelector<HTMLElement>(".icon-button");
      (next ?? document.getElementById("link-test"))?.focus();
    }),
  );
}
