// A gadget's settings are kept by the product. The service looks whether the reader may see what
// they chose; an answer with `data-keep` says that it can be kept.

import type { Host, Settings } from "./host";
import { on } from "./htmx";
import { ask } from "./opening";
import { tell } from "./trouble";

export function followSettings(host: Host): void {
  on("htmx:after:swap", ({ target }) => {
    const form = target?.id ? document.getElementById(target.id) : target;
    const project = form?.dataset["keep"];
    if (form && project) void keep(host, form, { project });
  });
  host.onEdit(() => document.getElementById("change-settings")?.click());
}

async function keep(host: Host, form: HTMLElement, settings: Settings): Promise<void> {
  try {
    await host.keepSettings(settings);
    // Where the gadget and its settings are one page, the gadget comes back.
    const shows = form.dataset["shows"];
    if (shows && host.name === "connect") ask(form, shows);
  } catch {
    const trouble = {
      title: "Jira did not keep this setting.",
      detail: "You may need the right to edit this dashboard. Try again.",
    };
    tell(form.querySelector(".trouble"), trouble, () => void keep(host, form, settings));
  }
}
