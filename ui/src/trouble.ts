// What went wrong, told where it was asked for, with a way to try again.

export interface Trouble {
  title: string;
  detail?: string;
}

/** How it is told: something failed, or the page is not for this reader, which is nobody's fault. */
export type Tone = "trouble" | "refusal";

/** Fills a `.trouble`; the layout holds how each tone looks. */
export function tell(
  slot: Element | null,
  trouble: Trouble,
  again: () => void,
  tone: Tone = "trouble",
): void {
  const template = document.getElementById(tone);
  if (!slot || !(template instanceof HTMLTemplateElement)) return;
  const message = template.content.cloneNode(true) as DocumentFragment;
  const set = (selector: string, text: string) => {
    const element = message.querySelector(selector);
    if (element) element.textContent = text;
  };
  // A sentence in a message ends with a full stop, the heading of a page does not.
  set("h2", tone === "refusal" ? trouble.title.replace(/\.$/, "") : trouble.title);
  set("p", trouble.detail ?? "");
  message.querySelector("[data-again]")?.addEventListener("click", () => {
    slot.replaceChildren();
    again();
  });
  slot.replaceChildren(message);
  slot.scrollIntoView({ block: "nearest" });
}
