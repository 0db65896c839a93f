// Pictures for people: every page in light, dark and narrow.

import { test } from "@playwright/test";
import { world } from "./world";

const VIEWS = {
  light: "",
  dark: "&theme=dark",
  narrow: "&width=320",
};

for (const [name, query] of Object.entries(VIEWS)) {
  test(`panel, ${name}`, async ({ page }) => {
    await page.goto(`${world().jira}/browse/SHOP-7?as=daniel${query}`);
    const frame = page.frameLocator("#app-frame iframe");
    await frame.locator("main.panel").waitFor();
    await page.screenshot({ path: `shots/panel-${name}.png`, fullPage: true });
  });
}
