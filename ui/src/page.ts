// The one script of our pages: joins htmx to the host, and adds what HTML cannot say by itself.

import "./htmx";
import { connect } from "./connect";
import { followCopying } from "./copying";
import { followDialogs } from "./dialogs";
import { followFocus } from "./focus";
import { followIssue } from "./issue";
import { followMenus } from "./menus";
import { followRequests } from "./requests";
import { followTimes } from "./times";

const host = connect;

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
followDialogs();
followFocus();
followMenus();
followTimes();
followCopying();
