// The one dialog of a page: a fragment swapped into it opens it, a successful answer elsewhere
// closes it. It is native, so focus stays inside and returns to where it was.

import { on } from "./htmx";
import { giveBackRoom, makeRoom } from "./room";

const GAP_PX = 8;

export function followDialogs(): void {
  const dialog = document.getElementById("dialog");
  if (!(dialog instanceof HTMLDialogElement)) return;

  on("htmx:after:swap", (ctx) => {
    if (ctx.target === dialog) {
      open(dialog, ctx.sourceElement);
    } else if (dialog.open && !dialog.contains(ctx.target) && dialog.contains(ctx.sourceElement)) {
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    giveBackRoom();
  });
  dialog.addEventListener("click", (event) => {
    const { target } = event;
    const asksToClose = target instanceof Element && target.closest("[data-close]");
    if (asksToClose || target === dialog) dialog.close();
  });
  document.addEventListener("htmx:confirm", ask);
  new ResizeObserver(() => {
    if (dialog.open) makeRoom(dialog.getBoundingClientRect().bottom);
  }).observe(dialog);
}

/** Opens beside what was pressed: the frame may be far higher than what the reader sees of it. */
function open(dialog: HTMLDialogElement, source: HTMLElement): void {
  if (!dialog.open) {
    const anchor = source.closest<HTMLElement>("[popover]")
      ? source.closest<HTMLElement>(".test")
      : source;
    const beside = anchor?.getBoundingClientRect().top ?? 0;
    dialog.showModal();
    const lowest = window.innerHeight - dialog.offsetHeight - GAP_PX;
    dialog.style.top = `${Math.max(GAP_PX, Math.min(beside, lowest))}px`;
  }
  makeRoom(dialog.getBoundingClientRect().bottom);
  dialog.querySelector<HTMLElement>("[autofocus]")?.focus();
}

interface Question {
  ctx: { confirm: string; sourceElement: HTMLElement };
  issueRequest(): void;
  dropRequest(): void;
}

/** Asks before something is done that cannot be undone; browsers deny a frame their own question. */
function ask(event: Event): void {
  const { ctx, issueRequest, dropRequest } = (event as CustomEvent<Question>).detail;
  const template = document.getElementById("confirm");
  if (!ctx.confirm || !(template instanceof HTMLTemplateElement)) return;
  event.preventDefault();
  document.body.append(template.content.cloneNode(true));
  const dialog = document.body.lastElementChild;
  if (!(dialog instanceof HTMLDialogElement)) return;
  const text = dialog.querySelector("p");
  if (text) text.textContent = ctx.confirm;
  dialog.addEventListener("close", () => {
    dialog.remove();
    giveBackRoom();
    if (dialog.returnValue === "yes") issueRequest();
    else dropRequest();
  });
  open(dialog, ctx.sourceElement);
}
