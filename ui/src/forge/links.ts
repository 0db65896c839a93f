// A page under Forge may not lead the window around it anywhere; Jira does it when asked. Links are
// written for the window, so that they work everywhere else and can be opened in another tab.

import { router, view } from "@forge/bridge";

export function followLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element && event.target.closest("a[target=_top]");
    if (!(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    void follow(link.href);
  });
}

async function follow(address: string): Promise<void> {
  const { siteUrl } = await view.getContext();
  const to = new URL(address);
  // Jira takes its own pages by path, and asks before it leads elsewhere.
  const isOwn = to.origin === new URL(siteUrl).origin;
  await router.navigate(isOwn ? to.pathname + to.search + to.hash : to.href);
}
