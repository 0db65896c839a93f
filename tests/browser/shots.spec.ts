// Pictures for people: every page and dialog in light, dark and narrow. Left in shots/.

import { test, type FrameLocator, type Page } from "@playwright/test";
import { NAMES } from "./results";
import { host, world } from "./world";

// A whole-page picture would squeeze the frame for a moment, and the page follows its width.
test.use({ viewport: { width: 1280, height: 1500 } });

const VIEWS = {
  light: "",
  dark: "&theme=dark",
  narrow: "&width=320",
};

async function panel(page: Page, issue: string, query: string): Promise<FrameLocator> {
  await page.goto(`${world().jira}/browse/${issue}?as=daniel${query}`);
  const frame = page.frameLocator("#app-frame iframe");
  await frame.locator("main.panel").waitFor();
  return frame;
}

test("panel, forced colours", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await panel(page, "SHOP-7", "");
  await page.screenshot({ path: `shots/${host()}/panel-forced.png` });
});

for (const [name, query] of Object.entries(VIEWS)) {
  const shot = (page: Page, of: string) =>
    page.screenshot({ path: `shots/${host()}/${of}-${name}.png` });

  test(`panel, ${name}`, async ({ page }) => {
    await panel(page, "SHOP-7", query);
    await shot(page, "panel");
    for (const [state, issue] of [["passing", "SHOP-8"], ["empty", "SHOP-9"], ["unconfigured", "SHOP-17"], ["bug", "SHOP-11"], ["epic", "SHOP-1"]] as const) {
      const shown = await panel(page, issue, query);
      if (state === "epic") await shown.locator(".child").first().waitFor();
      await shot(page, state);
    }
  });

  test(`dialogs, ${name}`, async ({ page }) => {
    const frame = await panel(page, "SHOP-7", query);
    const dialog = frame.getByRole("dialog");
    const row = frame.getByRole("listitem").filter({ hasText: NAMES.EXPIRED });
    const open = async (of: string) => {
      await dialog.waitFor();
      await shot(page, of);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
    };
    await frame.getByText("Why this status?").click();
    await shot(page, "reason");
    await row.getByRole("button", { name: NAMES.EXPIRED }).click();
    await open("details");
    await row.getByRole("button", { name: "Create defect" }).click();
    await open("create-defect");
    await row.getByRole("button", { name: /More actions/ }).click();
    await shot(page, "menu");
    await frame.getByRole("menuitem", { name: "Link existing defect" }).click();
    await open("link-defect");
    await row.getByRole("button", { name: /More actions/ }).click();
    await frame.getByRole("menuitem", { name: "Quarantine", exact: true }).click();
    await open("quarantine");
    await frame.getByRole("button", { name: "Needs no test" }).click();
    await open("exemption");
    await frame.getByRole("button", { name: "Link test", exact: true }).click();
    await open("link-test");
  });

  test(`administration, ${name}`, async ({ page }) => {
    await page.goto(`${world().jira}/admin?as=ada${query}`);
    const frame = page.frameLocator("#app-frame iframe");
    await frame.locator("main.admin").waitFor();
    await shot(page, "admin");
    await page.goto(`${world().jira}/admin?as=daniel${query}`);
    await frame.locator("main").waitFor();
    await shot(page, "admin-refused");
  });
}
