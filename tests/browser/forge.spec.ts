// What is different under Forge: a page begins empty, the bridge hands on what the service says, and
// rejects what it cannot read.

import { expect, type Page } from "@playwright/test";
import { CALLS, expectAccessible, expectNoSidewaysScroll, openPanel, test } from "./pages";
import { host, world } from "./world";

test.beforeEach(() => test.skip(host() !== "forge", "of Forge alone"));

/** What Jira makes of a call instead of asking the service. */
async function answerWith(page: Page, outcome: unknown): Promise<void> {
  await page.route(CALLS.forge, (route) => route.fulfill({ json: outcome }));
}

const TROUBLE = {
  "a token that was refused": [
    { rejected: "Remote could not verify the Forge Invocation Token" },
    "Touchstone could not verify that Jira sent this.",
  ],
  "an error page of a proxy": [
    { rejected: "Invalid response from remote - cannot parse body as JSON. Status: 502." },
    "Touchstone cannot be reached at the moment.",
  ],
  "no answer in time": [{ rejected: "Request timed out after 25 seconds" }, "Touchstone did not answer in time."],
  "no network": [{ rejected: "Failed to fetch" }, "Touchstone could not be reached."],
  "JSON of somebody else": [
    { resolved: { success: true, payload: { status: 200, headers: {}, body: { hello: 1 } } } },
    "The answer cannot be read.",
  ],
  "a conflict": [
    {
      resolved: {
        success: false,
        error: { status: 409, headers: {}, body: { title: "Somebody was faster.", detail: "Look again.", status: 409 } },
      },
    },
    "Somebody was faster.",
  ],
} as const;

for (const [name, [outcome, sentence]] of Object.entries(TROUBLE)) {
  test(`says what happened and tries again: ${name}`, async ({ page }) => {
    await answerWith(page, outcome);
    await page.goto(`${world().jira}/browse/SHOP-7?as=daniel`);
    const frame = page.frameLocator("#app-frame iframe");
    await expect(frame.getByRole("alert").getByRole("heading")).toHaveText(sentence);
    await expect(frame.locator(".loading")).toBeHidden();
    await expectAccessible(page);
    await page.unroute(CALLS.forge);
    await frame.getByRole("button", { name: "Try again" }).click();
    await expect(frame.locator(".word").first()).toHaveText("Failing");
    await expect(frame.getByRole("alert")).toBeHidden();

    await answerWith(page, outcome);
    await frame.getByRole("button", { name: "Link test" }).click();
    await expect(frame.getByRole("alert").getByRole("heading")).toHaveText(sentence);
    await page.unroute(CALLS.forge);
    await frame.getByRole("button", { name: "Try again" }).click();
    await expect(frame.getByRole("dialog")).toBeVisible();
  });
}

test("does not claim that nothing happened when a change was not answered", async ({ page }) => {
  const frame = await openPanel(page, "SHOP-9");
  await frame.getByRole("button", { name: "Link test" }).click();
  await frame.getByRole("checkbox").first().check();
  await answerWith(page, { rejected: "Request timed out after 25 seconds" });
  await frame.getByRole("dialog").getByRole("button", { name: "Link", exact: true }).click();
  await expect(frame.getByRole("alert")).toContainText("It may or may not have been done");
});

for (const [theme, query] of [["light", ""], ["dark", "&theme=dark"]] as const) {
  test(`the status beside the issue is short, ${theme}`, async ({ page }) => {
    await page.goto(`${world().jira}/browse/SHOP-7?as=daniel${query}`);
    await page.getByText("Test status", { exact: true }).click();
    const frame = page.frameLocator("#context-frame iframe");
    await expect(frame.locator(".word")).toHaveText("Failing");
    await expect(frame.locator(".reason")).toContainText("failed on safari");
    await expect(frame.locator(".test")).toHaveCount(0);
    await expectAccessible(page);
    await page.screenshot({ path: `shots/forge/context-${theme}.png` });
  });
}

test("an administrator is asked of Jira, not of the page", async ({ page }) => {
  await page.goto(`${world().jira}/admin?as=daniel`);
  const frame = page.frameLocator("#app-frame iframe");
  await expect(frame.getByRole("heading", { level: 2 })).toHaveText("Only Jira administrators can change these settings");
  await expect(frame.getByRole("button", { name: "Try again" })).toBeVisible();
  // Nothing went wrong, so nothing is red and nobody is interrupted.
  await expect(frame.getByRole("alert")).toHaveCount(0);
  await expect(frame.locator(".loading")).toBeHidden();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
});
