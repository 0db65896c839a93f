// Joins htmx to the host, and adds what HTML cannot say by itself.

import "./htmx";
import { followCopying } from "./copying";
import { followDialogs } from "./dialogs";
import { followDownloads } from "./downloads";
import { followFocus } from "./focus";
import type { Host } from "./host";
import { followIssue } from "./issue";
import { followMenus } from "./menus";
import { followOpening } from "./opening";
import { followRequests } from "./requests";
import { followSettings } from "./settings";
import { followTimes } from "./times";

export function start(host: Host): void {
  document.documentElement.dataset["host"] = host.name;
  host.followTheme();
  new MutationObserver(() => {
    const mode = document.documentElement.dataset["colorMode"];
    try {
      if (mode) localStorage.setItem("touchstone:color-mode", mode);
    } catch {
      // Without storage the next page begins with the system's colours.
    }
  }).observe(document.documentElement, { attributeFilter: ["data-color-mode"] });

  followRequests(host);
  followIssue(host);
  followOpening(host);
  followSettings(host);
  followDialogs();
  followFocus();
  followMenus();
  followTimes();
  followCopying();
  followDownloads(host);
}
