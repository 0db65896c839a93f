// What a person chooses and decides on the panel: a scope, an exemption, a quarantine; and the panel of
// a parent.

import { expect } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll, openPanel, test } from "./pages";
import { NAMES, single } from "./results";
import { report, until } from "./world";

test("shows a version's results and opens the next issue in it", async ({ page }) => {
  await report(single("SHOP-13", "Sends a parcel abroad", "customs said no"));
  const frame = await openPanel(page, "SHOP-7");
  const scope = frame.getByLabel("Results of");
  await scope.focus();
  await scope.selectOption("Version 1.4");
  await expect(frame.locator("#live")).toHaveText(/in version 1\.4: /);
  await expect(scope).toBeFocused();
  await openPanel(page, "SHOP-13");
  await expect(frame.getByLabel("Results of")).toHaveValue("version:1.4");
  await frame.getByLabel("Results of").selectOption("Latest results");
  await expect(frame.locator(".word").first()).toHaveText("Failing");
  await openPanel(page, "SHOP-7");
  await expect(frame.getByLabel("Results of")).toHaveValue("latest");
});

test("takes a test out for a time and back in, with the keyboard alone", async ({ page }) => {
  await report(single("SHOP-14", "Prints a label", "no paper"));
  const frame = await openPanel(page, "SHOP-14");
  const row = frame.locator(".test").filter({ hasText: "Prints a label" });
  const more = row.getByRole("button", { name: /More actions/ });
  await more.focus();
  await page.keyboard.press("Enter");
  await frame.getByRole("menuitem", { name: "Quarantine", exact: true }).focus();
  await page.keyboard.press("Enter");
  await expect(frame.getByLabel("Reason")).toBeFocused();
  await page.keyboard.type("The printer is broken");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Ann");
  await page.keyboard.press("Enter");
  await expect(row.getByText("Quarantined", { exact: true })).toBeVisible();
  await expect(frame.locator(".word").first()).toHaveText("Not covered");
  await expect(frame.locator("#live")).toHaveText(/SHOP-T\d+ is in quarantine/);
  await expect(more).toBeFocused();
  await page.keyboard.press("Enter");
  await frame.getByRole("menuitem", { name: "End quarantine" }).focus();
  await page.keyboard.press("Enter");
  await expect(frame.locator(".word").first()).toHaveText("Failing");
});

test("records that an issue needs no test, and refuses a reason of nothing", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-15");
  await frame.getByRole("button", { name: "Needs no test" }).click();
  await frame.getByLabel("Reason").fill("   ");
  await frame.getByRole("button", { name: "Save" }).click();
  await expect(frame.getByRole("alert")).toContainText("The reason is missing.");
  await frame.getByLabel("Reason").fill("Only a text changes");
  await frame.getByRole("button", { name: "Save" }).click();
  await expect(frame.locator(".word").first()).toHaveText("Exempt");
  await expect(frame.locator(".reason summary")).toContainText("Only a text changes");
  await frame.getByRole("button", { name: "End exemption" }).click();
  await expect(frame.getByText("No tests cover SHOP-15 yet")).toBeVisible();
});

for (const [theme, query] of [["light", ""], ["dark", "&theme=dark"]] as const) {
  test(`a parent lists its children and fits in 320 px, ${theme}`, async ({ page }) => {
    const frame = await openPanel(page, "SHOP-1", `${query}&width=320`);
    const child = frame.locator(".child").filter({ hasText: "SHOP-7" });
    await expect(child.getByRole("img", { name: "Failing" })).toBeVisible();
    await expect(frame.locator(":focus")).toHaveCount(0);
    const inner = page.locator("#app-frame iframe");
    await until("the frame has room for all of them", async () => {
      const shown = (await inner.boundingBox())?.height ?? 0;
      return shown >= (await frame.locator("main").evaluate((main) => main.scrollHeight));
    });
    await expect(frame.locator(".word").first()).toHaveText("Failing");
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
  });

  test(`decisions are accessible and fit in 320 px, ${theme}`, async ({ page }) => {
    const frame = await openPanel(page, "SHOP-7", `${query}&width=320`);
    const row = frame.locator(".test").filter({ hasText: NAMES.EXPIRED });
    await row.getByRole("button", { name: /More actions/ }).click();
    await frame.getByRole("menuitem", { name: "Quarantine", exact: true }).click();
    await expect(frame.getByLabel("Last day")).toBeVisible();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    await page.keyboard.press("Escape");
    await frame.getByRole("button", { name: "Needs no test" }).click();
    await expect(frame.getByLabel("Last day, if it ends")).toBeVisible();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
  });
}
