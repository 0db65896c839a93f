// What went wrong, told where it was asked for, with a way to try again.

export interface Trouble {
  title: string;
  detail?: string;
}

/** Fills a `.trouble`; the layout holds how it looks. */
export function tell(slot: Element | null, trouble: Trouble, again: () => void): void {
  const template = document.getElementById("trouble");
  if (!slot || !(template instanceof HTMLTemplateElement)) return;
  const message = template.content.cloneNode(true) as DocumentFragment;
  const set = (selector: string, text: string) => {
    const element = message.querySelector(selector);
    if (element) element.textContent = text;
  };
  set("h2", trouble.title);
  set("p", trouble.detail ?? "");
  message.querySelector("[data-again]")?.addEventListener("click", () => {
    slot.replaceChildren();
    again();
  });
  slot.replaceChildren(message);
  slot.scrollIntoView({ block: "nearest" });
}
