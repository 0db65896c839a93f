// The readiness of a version or a sprint: the same on both hosts.

import { expect, type FrameLocator, type Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll, openProject, test } from "./pages";
import { host } from "./world";

/** The readiness page, by keyboard from the project's page. */
async function openReadiness(page: Page, query = "", as = "daniel"): Promise<FrameLocator> {
  const frame = await openProject(page, "SHOP", query, as);
  await frame.getByRole("button", { name: "Readiness" }).press("Enter");
  await frame.locator("main.readiness").waitFor();
  const target = frame.getByLabel("Version or sprint");
  if ((await target.inputValue()) !== "version:1.4") await target.selectOption("version:1.4");
  await expect(frame.getByRole("heading", { level: 1 })).toContainText("Version 1.4");
  return frame;
}

test("says the verdict, what holds it back, and leads to the issue", async ({ page }) => {
  const frame = await openReadiness(page);
  await expect(frame.getByRole("heading", { level: 1 })).toHaveText(/^Version 1\.4 is not ready: \d+ rules fail\.$/);
  await expect(frame.locator("main > .head .word")).toHaveText("Not ready");
  const failing = frame.getByRole("row", { name: /^No issue fails/ });
  await expect(failing.locator(".word")).toHaveText("Fails");
  await failing.locator("summary").press("Enter");
  const issue = failing.getByRole("link").first();
  const key = await issue.textContent();
  await issue.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/browse/${key}`));
});

test("judges another version or a sprint, keeps the focus and says so", async ({ page }) => {
  const frame = await openReadiness(page);
  const target = frame.getByLabel("Version or sprint");
  await target.focus();
  await target.selectOption("sprint:SHOP Sprint 12");
  await expect(frame.locator("#live")).toHaveText(/^Sprint SHOP Sprint 12 is /);
  await expect(target).toBeFocused();
});

test("an administrator changes the rules; anybody else is told who may", async ({ page }) => {
  let frame = await openReadiness(page);
  await frame.getByRole("button", { name: "Change rules" }).click();
  await expect(frame.getByRole("alert")).toContainText("Only Jira administrators can change these settings.");

  frame = await openReadiness(page, "", "ada");
  await frame.getByRole("button", { name: "Change rules" }).click();
  const form = frame.getByRole("form", { name: "Rules of SHOP" });
  await expect(form).toBeVisible();
  await expectAccessible(page);
  await page.screenshot({ path: `shots/${host()}/readiness-rules.png`, fullPage: true });
  const limit = form.getByLabel(/^Covered issues: limit/);
  await limit.fill("many");
  await form.getByRole("button", { name: "Save rules" }).click();
  await expect(form.getByRole("alert")).toContainText("The limit of “Covered issues” cannot be read.");
  await limit.fill("12.5");
  await form.getByRole("button", { name: "Save rules" }).click();
  await expect(frame.locator("#live")).toHaveText(/^Saved\. Version 1\.4 is/);
  await expect(frame.getByRole("row", { name: /^At least 12\.5 % of the issues are covered/ })).toBeVisible();

  await frame.getByRole("button", { name: "Change rules" }).click();
  await form.getByRole("button", { name: "Use the rules of all projects" }).click();
  await expect(frame.getByRole("row", { name: /^At least 95 % of the issues are covered/ })).toBeVisible();
});

for (const [theme, query] of [["light", ""], ["dark", "&theme=dark"]] as const) {
  test(`is accessible and narrow, ${theme}`, async ({ page }) => {
    const frame = await openReadiness(page, query);
    for (const list of await frame.locator("summary").all()) await list.press("Enter");
    await expectAccessible(page);
    await page.setViewportSize({ width: 1280, height: 2400 });
    await page.screenshot({ path: `shots/${host()}/readiness-${theme}.png` });
    await page.setViewportSize({ width: 360, height: 3600 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
    await page.screenshot({ path: `shots/${host()}/readiness-360-${theme}.png` });
  });
}
