// Our frame is as high as its content, so anything that stands above the page (a menu, a dialog)
// could be cut off at the frame's end. This gives the page that much height for as long as needed.

const MARGIN_PX = 12;

/** Makes sure that the page reaches below `bottom`, a distance from the frame's upper edge. */
export function makeRoom(bottom: number): void {
  const content = page();
  if (content) content.style.minHeight = `${Math.ceil(bottom + window.scrollY + MARGIN_PX)}px`;
}

/** Gives the room back. */
export function giveBackRoom(): void {
  const content = page();
  if (content) content.style.minHeight = "";
}

function page(): HTMLElement | null {
  return document.querySelector(".ac-content");
}
