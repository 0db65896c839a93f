// The traceability matrix: the same on both hosts, with a keyboard alone, in the dark, and narrow.

import { expect, type FrameLocator, type Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { expectAccessible, expectNoSidewaysScroll, openProject, test } from "./pages";
import { NAMES } from "./results";
import { host } from "./world";

async function openMatrix(page: Page, query = ""): Promise<FrameLocator> {
  const frame = await openProject(page, "SHOP", query);
  await frame.getByRole("button", { name: "Matrix", exact: true }).click();
  await expect(frame.getByRole("heading", { level: 1 })).toHaveText("Traceability matrix");
  return frame;
}

test("leads with the keyboard from an issue to its tests and runs, and back", async ({ page }) => {
  const frame = await openMatrix(page);
  await expect(frame.getByRole("button", { name: "Matrix", exact: true })).toBeFocused();
  await expect(frame.locator(".totals")).toContainText(/\d+ issues/);
  const open = frame.getByRole("button", { name: "Tests of SHOP-7", exact: true });
  await open.focus();
  await page.keyboard.press("Enter");
  await expect(open).toHaveAttribute("aria-expanded", "true");
  await expect(open).toBeFocused();
  const inside = frame.locator(".inside");
  await expect(inside).toContainText(NAMES.TWICE);
  await expect(inside).toContainText(/FAILED in SHOP-E\d+\/\d+ on safari/);
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(open).toHaveAttribute("aria-expanded", "false");
  await expect(inside).toHaveCount(0);
});

test("every number opens the list behind it", async ({ page }) => {
  const frame = await openMatrix(page);
  const failing = frame.getByRole("button", { name: /^\d+ failing$/ });
  const count = Number((await failing.textContent())?.split(" ")[0]);
  await failing.click();
  await expect(frame.getByLabel("All statuses")).toHaveValue("NOK");
  await expect(frame.locator("table.issues > tbody")).toHaveCount(count);
  for (const word of await frame.locator("tbody .word").allTextContents()) expect(word).toBe("Failing");
});

test("issues are narrowed, and the choice keeps the focus and is said", async ({ page }) => {
  const frame = await openMatrix(page);
  const type = frame.getByLabel("All types");
  await type.focus();
  await type.selectOption("Story");
  await expect(frame.locator("#live")).toHaveText(/^\d+ issues on page 1\.$/);
  await expect(type).toBeFocused();
  await frame.getByLabel("Key or summary").fill("SHOP-8");
  await page.keyboard.press("Enter");
  await expect(frame.locator("table.issues > tbody")).toHaveCount(1);
});

test("files come through the frame", async ({ page }) => {
  const frame = await openMatrix(page);
  for (const [name, ending, begins] of [
    ["CSV", "csv", "# Traceability matrix of: SHOP"],
    ["JSON", "json", '{"project":"SHOP"'],
    ["Excel (XLSX)", "xlsx", "PK"],
    ["Page to print", "html", "<!doctype html>"],
  ] as const) {
    await frame.getByRole("button", { name: "Download" }).click();
    const coming = page.waitForEvent("download");
    await frame.getByRole("menuitem", { name, exact: true }).click();
    const file = await coming;
    expect(file.suggestedFilename()).toMatch(new RegExp(`^SHOP-matrix-\\d{4}-\\d\\d-\\d\\d\\.${ending}$`));
    expect(readFileSync(await file.path()).toString("utf8").startsWith(begins)).toBe(true);
  }
});

test("a snapshot is taken and tells what changed since", async ({ page }) => {
  const frame = await openMatrix(page);
  await frame.getByText("Snapshots", { exact: true }).click();
  const name = `Before ${Date.now()}`;
  await frame.getByLabel(/^Keep the matrix/).fill(name);
  await frame.getByRole("button", { name: "Take snapshot" }).click();
  await expect(frame.locator("#live")).toContainText("The snapshot is stored.");
  await expectAccessible(page);
  await frame.getByRole("button", { name: `What changed since ${name}` }).click();
  await expect(frame.locator("main")).toContainText("Every issue stands as it stood then.");
  await expectAccessible(page);
});

for (const [theme, query] of [["light", ""], ["dark", "&theme=dark"]] as const) {
  test(`every list is accessible and narrow, ${theme}`, async ({ page }) => {
    const frame = await openMatrix(page, query);
    const open = frame.getByRole("button", { name: "Tests of SHOP-7", exact: true });
    await open.click();
    await expect(open).toHaveAttribute("aria-expanded", "true");
    for (const list of ["Issues", "From defects", "From tests", "Orphans", "Snapshots"]) {
      if (list !== "Issues") {
        await frame.getByText(list, { exact: true }).click();
        await expect(frame.getByLabel(list, { exact: true })).toBeChecked();
        await expect(frame.locator(".htmx-request")).toHaveCount(0);
      }
      const name = list.toLowerCase().replace(" ", "-");
      await expectAccessible(page);
      await page.screenshot({ path: `shots/${host()}/matrix-${name}-${theme}.png`, fullPage: true });
      await page.setViewportSize({ width: 360, height: 1400 });
      await expectNoSidewaysScroll(page);
      await expectAccessible(page);
      await page.screenshot({ path: `shots/${host()}/matrix-${name}-360-${theme}.png` });
      await page.setViewportSize({ width: 1280, height: 900 });
    }
  });
}
