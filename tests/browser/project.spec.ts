// The page of a project and the gadget: the same on both hosts.

import { expect } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll, openGadget, openProject, test } from "./pages";
import { host, world } from "./world";

test("says how the project stands, and leads to an issue", async ({ page }) => {
  const frame = await openProject(page, "SHOP");
  await expect(frame.getByRole("heading", { level: 1 })).toHaveText(/^\d+ of \d+ issues (is|are) failing$/);
  await expect(frame.locator("tbody tr").first().locator(".word")).toHaveText("Failing");
  await frame.getByRole("link", { name: "SHOP-7", exact: true }).click();
  await expect(page).toHaveURL(/\/browse\/SHOP-7/);
});

test("shows one status alone, keeps the focus and says so", async ({ page }) => {
  const frame = await openProject(page, "SHOP");
  const filter = frame.getByLabel("Status");
  await filter.focus();
  await filter.selectOption("OK");
  await expect(frame.locator("#live")).toHaveText(/^Passing \(\d+\)\.$/);
  await expect(filter).toBeFocused();
  for (const word of await frame.locator("tbody .word").allTextContents()) expect(word).toBe("Passing");
});

for (const [theme, query] of [["light", ""], ["dark", "&theme=dark"]] as const) {
  test(`is accessible and narrow, ${theme}`, async ({ page }) => {
    await openProject(page, "SHOP", query);
    await expectAccessible(page);
    await page.screenshot({ path: `shots/${host()}/project-${theme}.png` });
    await page.setViewportSize({ width: 360, height: 1200 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
    await page.screenshot({ path: `shots/${host()}/project-360-${theme}.png` });
  });
}

test("tells somebody who may not see the project", async ({ page }) => {
  const frame = await openProject(page, "SHOP", "", "otto");
  await expect(frame.locator("main")).toContainText("There is no such project, or you may not see it");
});

test("the gadget asks for a project, checks it, and keeps it", async ({ page }) => {
  const frame = await openGadget(page);
  await expect(frame.getByRole("heading", { level: 1 })).toHaveText("No project is chosen yet");
  await expectAccessible(page);
  if (host() === "forge") await openGadget(page, "&edit=1");
  else await frame.getByRole("button", { name: "Choose project" }).click();

  const key = frame.getByLabel("Project key");
  await key.fill("NOPE");
  await page.keyboard.press("Enter");
  await expect(frame.getByRole("alert")).toContainText("There is no such project, or you may not see it.");
  await expectAccessible(page);
  await key.fill("shop");
  await frame.getByRole("button", { name: "Save" }).click();
  const answer = frame.getByRole("heading", { level: 1 });
  await expect(answer).toHaveText(/issues (is|are) failing$/);
  await expectAccessible(page);

  await openGadget(page);
  await expect(answer).toHaveText(/issues (is|are) failing$/);
  await expectNoSidewaysScroll(page);
  await page.screenshot({ path: `shots/${host()}/gadget.png` });
  await expect(frame.getByRole("link", { name: "Open SHOP" })).toHaveAttribute("href", `${world().jira}/browse/SHOP`);
});
