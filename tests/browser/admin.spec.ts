// The administration page: for administrators only, and what they can do there.

import { expect } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll, openAdmin, openPanel, test } from "./pages";
import { host, world } from "./world";

const REOPEN = /Reopen a resolved defect/;

test("is refused to others", async ({ page }) => {
  const frame = await openAdmin(page, "daniel");
  await expect(frame.getByRole("heading", { level: 2 })).toHaveText(/^Only Jira administrators can change these settings/);
  await expectAccessible(page);
});

for (const [theme, query] of [["light", ""], ["dark", "&theme=dark"]] as const) {
  test(`is accessible and narrow, ${theme}`, async ({ page }) => {
    await openAdmin(page, "ada", query);
    await expectAccessible(page);
    await page.setViewportSize({ width: 360, height: 2000 });
    await expectNoSidewaysScroll(page);
    await page.screenshot({ path: `shots/${host()}/admin-360-${theme}.png` });
  });
}

test("a project decides for itself, and goes back to the others", async ({ page }) => {
  const frame = await openAdmin(page);
  const rule = frame.getByRole("checkbox", { name: REOPEN });
  await frame.getByLabel("Settings of").selectOption("SHOP");
  await expect(frame.locator("#settings")).toContainText("These hold in SHOP");
  await rule.uncheck();
  await frame.getByRole("checkbox", { name: "Sub-task is covered by tests" }).check();
  await frame.locator("#settings").getByRole("button", { name: "Save" }).click();
  await expect(frame.locator("#live")).toHaveText("Saved. It holds from now on.");

  await openPanel(page, "SHOP-17");
  await expect(page.frameLocator("#app-frame iframe").locator("main")).toContainText("No tests cover SHOP-17 yet");

  await openAdmin(page);
  await expect(rule).toBeChecked();
  await frame.getByLabel("Settings of").selectOption("SHOP");
  await expect(rule).not.toBeChecked();
  await expect(frame.locator("#scope option:checked")).toHaveText("SHOP (own settings)");
  await frame.getByRole("button", { name: "Use the settings of all projects" }).click();
  await expect(rule).toBeChecked();
  await expect(frame.getByRole("checkbox", { name: "Sub-task is covered by tests" })).not.toBeChecked();
});

test("a project counts results its own way, and goes back to the others", async ({ page }) => {
  const frame = await openAdmin(page);
  const part = frame.locator("#counting");
  await frame.getByLabel("How results count in").selectOption("SHOP");
  await expect(part).toContainText("These hold in SHOP");
  await part.getByLabel("A skipped test means").selectOption("It failed");
  await part.getByLabel("Results looked at").fill("10");
  await part.getByLabel("Words of your reports").fill("WARNING = nonsense");
  await part.getByRole("button", { name: "Save" }).click();
  await expect(part.getByRole("alert")).toContainText("there is no status `nonsense`");
  await part.getByLabel("Words of your reports").fill("WARNING = passed");
  await part.getByRole("button", { name: "Save" }).click();
  await expect(frame.locator("#live")).toHaveText("Saved. It holds from now on.");
  await expect(part.locator(".lozenge", { hasText: "Own" })).toHaveCount(3);
  await part.getByRole("button", { name: "Use the settings of all projects" }).click();
  await expect(part.getByLabel("A skipped test means")).toHaveValue("notrun");
  await expect(part.locator(".lozenge", { hasText: "Own" })).toHaveCount(0);
});

test("a rule is made, tried, switched off and deleted", async ({ page }) => {
  const frame = await openAdmin(page);
  const part = frame.locator("#own-rules");
  await part.getByLabel("Try a rule on what has happened").selectOption({ label: "D2: Say on the defect that its test failed again" });
  await part.getByRole("button", { name: "Try", exact: true }).click();
  await expect(part.locator("#tried")).toContainText("In the last 14 days it would have acted");

  await part.getByLabel("Title").fill("Label <what> fails");
  await part.getByLabel("Field of condition 1").selectOption("Coverage");
  await part.getByLabel("Values of condition 1").fill("NOK");
  await part.getByLabel("Then").selectOption("add labels");
  await part.getByLabel("Text, status, labels or priority").fill("broken");
  await part.getByRole("button", { name: "Save the rule" }).click();
  await expect(part.getByRole("alert")).toContainText("nobody knows that when a test fails");
  await part.getByLabel("Field of condition 1").selectOption("Issue type");
  await part.getByLabel("Values of condition 1").fill("Story, Bug");
  await part.getByRole("button", { name: "Try it first" }).click();
  await expect(part.locator("#tried")).toContainText("Nothing was sent.");
  await expect(part).toContainText("There is none yet.");

  await part.getByLabel("Title").fill("Label <what> fails");
  await part.getByLabel("Then").selectOption("add labels");
  await part.getByLabel("Text, status, labels or priority").fill("broken");
  await part.getByRole("button", { name: "Save the rule" }).click();
  const row = part.getByRole("row").filter({ has: frame.getByRole("rowheader", { name: /Label <what> fails/ }) });
  await expect(row).toContainText(/When a test fails.*setFields\./);
  await row.getByRole("button", { name: /Switch off/ }).click();
  await expect(row).toContainText("Off");
  await expectAccessible(page);
  await row.getByRole("button", { name: /Delete/ }).click();
  await frame.getByRole("button", { name: "Continue" }).click();
  await expect(part).toContainText("There is none yet.");
});

test("an API client is made, used and revoked", async ({ page }) => {
  const { app } = world();
  const frame = await openAdmin(page);
  await frame.getByLabel("Name", { exact: true }).fill("nightly <build>");
  await frame.getByLabel(/Project keys/).fill("shop");
  await frame.getByRole("button", { name: "Create client" }).click();
  const token = await frame.locator("#token").inputValue();
  expect(token).toMatch(/^tst_/);
  const ask = async () => {
    const answer = await fetch(`${app}/api/v1/issues/SHOP-7/coverage`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    return answer.status;
  };
  expect(await ask()).toBe(200);

  await openAdmin(page);
  await expect(frame.locator("#token")).toHaveCount(0);
  const row = frame.getByRole("row").filter({ hasText: "nightly <build>" });
  await expect(row).toContainText("SHOP");
  await row.getByRole("button", { name: /Revoke/ }).click();
  await expect(frame.getByRole("dialog")).toContainText("can no longer send results");
  await frame.getByRole("button", { name: "Cancel" }).click();
  await expect(row).toBeVisible();
  await row.getByRole("button", { name: /Revoke/ }).click();
  await frame.getByRole("button", { name: "Continue" }).click();
  await expect(row).toHaveCount(0);
  expect(await ask()).toBe(401);
});

test("says how the line to Jira is doing", async ({ page }) => {
  const frame = await openAdmin(page);
  await expect(frame.locator("#health .word")).toHaveText(/Healthy|Waiting/);
  await frame.getByRole("button", { name: "Refresh" }).click();
  await expect(frame.locator("#live")).toHaveText(/Healthy|Waiting/);
});
