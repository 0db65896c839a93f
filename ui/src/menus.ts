// Menus are native popovers: the browser opens and closes them. Added here: where they stand, and
// the arrow keys that people expect in a menu.

import { giveBackRoom, makeRoom } from "./room";

const GAP_PX = 4;

export function followMenus(): void {
  document.addEventListener(
    "toggle",
    (event) => {
      const menu = event.target;
      if (!(menu instanceof HTMLElement) || !menu.matches(".menu")) return;
      const button = document.querySelector<HTMLElement>(`[popovertarget="${menu.id}"]`);
      const isOpen = (event as ToggleEvent).newState === "open";
      button?.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) {
        if (!document.querySelector("dialog[open]")) giveBackRoom();
      } else if (button) {
        place(menu, button);
        items(menu)[0]?.focus();
      }
    },
    true,
  );
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const item = event.target.closest(".menu [role=menuitem]");
    item?.closest<HTMLElement>(".menu")?.hidePopover();
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.activeElement?.closest<HTMLElement>(".menu");
    if (!menu) return;
    const all = items(menu);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const next = {
      ArrowDown: all[(at + 1) % all.length],
      ArrowUp: all[(at - 1 + all.length) % all.length],
      Home: all[0],
      End: all[all.length - 1],
    }[event.key];
    if (next) {
      event.preventDefault();
      next.focus();
    } else if (event.key === "Tab") {
      menu.hidePopover();
    }
  });
}

function items(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("[role=menuitem]")];
}

/** Below its button and flush with its end; above it where the page ends. */
function place(menu: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const below = at.bottom + GAP_PX;
  const above = at.top - GAP_PX - menu.offsetHeight;
  const fitsBelow = below + menu.offsetHeight <= window.innerHeight;
  const top = fitsBelow || above < 0 ? below : above;
  menu.style.top = `${top}px`;
  menu.style.left = `${Math.max(8, at.right - menu.offsetWidth)}px`;
  makeRoom(top + menu.offsetHeight);
}
