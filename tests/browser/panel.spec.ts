// The issue panel through the published bridge: what it says, and what can be done with it.

import { expect } from "@playwright/test";
import { CALLS, expectAccessible, expectNoSidewaysScroll, openPanel, test } from "./pages";
import { NAMES, single } from "./results";
import { act, host, report, settle, until, world } from "./world";

test("says what is the matter in one look", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-7");
  await expect(frame.locator(".word").first()).toHaveText("Failing");
  await expect(frame.locator(".reason summary")).toContainText(`${NAMES.EXPIRED} failed on safari`);
  await expect(frame.locator(".test")).toHaveCount(6);
  await expect(frame.locator(":focus")).toHaveCount(0);
  await frame.getByText("Why this status?").click();
  await expect(frame.locator(".reason ol")).toContainText("the worst environment counts");
});

test("narrows down to one environment, keeps the focus and says so", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-7");
  const filter = frame.getByLabel("Environment");
  await filter.focus();
  await filter.selectOption("chrome");
  await expect(frame.locator("#live")).toHaveText("Failing on chrome: 1 of 6 tests.");
  await expect(filter).toBeFocused();
  await expect(frame.locator(".test").filter({ hasText: NAMES.EXPIRED }).locator(".status").first()).toHaveAttribute("aria-label", "Passed");
  // It is remembered, and the other tests look at all of them.
  await filter.selectOption("All environments");
  await expect(frame.locator("#live")).toHaveText("Failing: 3 of 6 tests.");
});

for (const [theme, query] of [["light", ""], ["dark", "&theme=dark"]] as const) {
  test(`is accessible and fits in 320 px, ${theme}`, async ({ page }) => {
    const frame = await openPanel(page, "SHOP-7", `${query}&width=320`);
    await frame.getByText("Why this status?").click();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    await frame.getByRole("button", { name: "Create defect" }).first().click();
    await expect(frame.getByRole("dialog")).toBeVisible();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    await page.keyboard.press("Escape");
    await frame.getByRole("button", { name: "Link test" }).click();
    await expect(frame.getByRole("dialog")).toBeVisible();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
  });
}

test("links a test and takes it back with the keyboard alone", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-9");
  const link = frame.getByRole("button", { name: "Link test" });
  await link.focus();
  await page.keyboard.press("Enter");
  const search = frame.getByRole("searchbox");
  await expect(search).toBeFocused();
  await page.keyboard.type("voucher");
  const choice = frame.getByRole("checkbox", { name: NAMES.VOUCHER });
  await expect(frame.getByRole("checkbox")).toHaveCount(1);
  await page.keyboard.press("Tab");
  await expect(choice).toBeFocused();
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  const row = frame.locator(".test").filter({ hasText: NAMES.VOUCHER });
  await expect(row).toBeVisible();
  await expect(frame.locator("#live")).toHaveText(/SHOP-T\d+ linked/);
  await expect(frame.getByRole("dialog")).toBeHidden();

  await row.getByRole("button", { name: /More actions/ }).focus();
  await page.keyboard.press("Enter");
  await expect(frame.getByRole("menuitem", { name: "View details" })).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(frame.getByRole("menuitem", { name: "Unlink test" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(row).toBeHidden();
  await expect(link).toBeFocused();
});

test("a defect goes from the row to retest and to verified", async ({ page }) => {
  const name = "Refuses an invoice above 500 euros";
  await report(single("SHOP-6", name, "expected a refusal, got an invoice"));
  const frame = await openPanel(page, "SHOP-6");
  // The panel looks again by itself a moment after a change; nobody should have to wait for that.
  await frame.locator("html").evaluate(() => {
    addEventListener("touchstone:look-again", (look) => look.stopImmediatePropagation(), true);
  });
  const row = frame.locator(".test").filter({ hasText: name });
  await row.getByRole("button", { name: "Create defect" }).focus();
  await page.keyboard.press("Enter");
  const summary = frame.getByLabel("Summary");
  await expect(summary).toBeFocused();
  await summary.fill("Invoices go out above the limit");
  await page.keyboard.press("Enter");
  const defect = row.locator(".with a");
  await expect(defect).toHaveText(/^SHOP-\d+$/);
  await expect(row.getByRole("button", { name: "Create defect" })).toBeHidden();
  await expect(row.getByRole("button", { name: /More actions/ })).toBeFocused();
  const key = (await defect.textContent()) ?? "";

  await act("transition", { issue: key, to: "Done", resolution: "Done" });
  await settle();
  await openPanel(page, "SHOP-6");
  await expect(row.getByText("Retest", { exact: true })).toBeVisible();
  await openPanel(page, key);
  await expect(frame.locator(".found .word")).toHaveText("Retest needed");

  await report(single("SHOP-6", name));
  await openPanel(page, key);
  await expect(frame.locator(".found .word")).toHaveText("Verified");
  await openPanel(page, "SHOP-6");
  await expect(frame.locator(".word").first()).toHaveText("Passing");
  await expect(row.getByText("Retest", { exact: true })).toBeHidden();
});

test("follows a change of a defect while it is open", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-7");
  const row = frame.locator(".test").filter({ hasText: NAMES.TWICE });
  await row.getByRole("button", { name: /More actions/ }).click();
  await frame.getByRole("menuitem", { name: "Link existing defect" }).click();
  await frame.getByLabel("Issue key").fill("SHOP-12");
  await page.keyboard.press("Enter");
  await expect(row.locator(".with")).toContainText("To Do");
  await act("transition", { issue: "SHOP-12", to: "In Progress" });
  await act("comment", { issue: "SHOP-7", text: "SHOP-12 is being looked at." });
  await expect(row.locator(".with")).toContainText("In Progress", { timeout: 20_000 });
});

test("says what went wrong, and tries again", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-7");
  await page.route(CALLS[host()], (route) => route.abort());
  await frame.getByRole("button", { name: "Link test" }).click();
  await expect(frame.getByRole("alert")).toContainText("Touchstone could not be reached.");
  await expectAccessible(page);
  await page.unroute(CALLS[host()]);
  await frame.getByRole("button", { name: "Try again" }).click();
  await expect(frame.getByRole("dialog")).toBeVisible();
  await expect(frame.getByRole("alert")).toBeHidden();
});

test("offers no defect to somebody who may not edit the issue", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-7", "", "vera");
  // Jira has been asked, and has answered.
  await expect(frame.locator("#rights:not([hx-get])")).toBeAttached();
  await expect(frame.getByRole("button", { name: /More actions/ }).first()).toBeVisible();
  await expect(frame.getByRole("button", { name: "Create defect" })).toHaveCount(0);
  await frame.getByRole("button", { name: /More actions/ }).first().click();
  await expect(frame.getByRole("menuitem", { name: "View details" })).toBeVisible();
  await expect(frame.getByRole("menuitem", { name: /defect/ })).toHaveCount(0);
});

test("is quiet on an issue of another type", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-17");
  await expect(frame.locator("main")).toContainText("does not track tests for the issue type Sub-task");
  await expectAccessible(page);
});

test("can be read without script", async ({ browser }) => {
  test.skip(host() === "forge", "the bridge is a script");
  const { jira } = world();
  const answer = await fetch(`${jira}/_standin/frame-url?issue=SHOP-7&as=daniel`);
  const told = await answer.text();
  const address = told.startsWith("{") ? (JSON.parse(told) as { url: string }).url : told.trim();
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(address);
  await expect(page.locator(".word").first()).toHaveText("Failing");
  await expect(page.locator(".test")).toHaveCount(6);
  await expect(page.getByRole("button", { name: "Create defect" }).first()).toBeHidden();
  await context.close();
});

test("takes the place it needs for a menu at its end", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-8");
  const inner = page.locator("#app-frame iframe");
  const before = (await inner.boundingBox())?.height ?? 0;
  await frame.getByRole("button", { name: "Link test" }).click();
  await expect(frame.getByRole("dialog")).toBeVisible();
  await until("the frame has grown", async () => ((await inner.boundingBox())?.height ?? 0) > before);
  await page.keyboard.press("Escape");
  await until("the frame is as before", async () => ((await inner.boundingBox())?.height ?? 0) <= before);
});
