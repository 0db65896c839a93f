// Files: `data-download` says where one is. It comes as JSON through the host, because a link could
// not carry the proof of who asks, and is handed to the browser as if it had come from a link.

import { type Host, Unanswered } from "./host";
import { tell, type Trouble } from "./trouble";

/** A file on its way through a frame. */
interface Carried {
  name: string;
  type: string;
  base64: string;
}

export function followDownloads(host: Host): void {
  document.addEventListener("click", (event) => {
    const asked = event.target instanceof Element && event.target.closest("[data-download]");
    if (!(asked instanceof HTMLElement)) return;
    const address = asked.dataset["download"];
    if (address) void fetchFile(host, address);
  });
}

async function fetchFile(host: Host, address: string): Promise<void> {
  const slot = document.querySelector("main .trouble");
  slot?.replaceChildren();
  try {
    const answer = await host.fetch(address, { method: "GET" });
    const body: unknown = await answer.json();
    if (answer.ok) save(body as Carried);
    else tell(slot, body as Trouble, () => void fetchFile(host, address));
  } catch (why) {
    const trouble: Trouble =
      why instanceof Unanswered
        ? { title: why.message, detail: why.detail }
        : { title: "The file could not be fetched.", detail: "Check the connection and try again." };
    tell(slot, trouble, () => void fetchFile(host, address));
  }
}

function save({ name, type, base64 }: Carried): void {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  // The browser has taken the file when the click has been dealt with.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}
