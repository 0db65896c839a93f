// How the tests reach the pages, and what holds on every one of them.

import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type FrameLocator, type Page } from "@playwright/test";
import { type Host, host, world } from "./world";

const FRAME = "#app-frame iframe";

/** What leaves the page when it asks the service for something. */
export const CALLS: Record<Host, string> = {
  connect: "**/ui/**",
  forge: "**/_standin/forge/invoke",
};

/** A test that fails when the page breaks its content policy or throws. */
export const test = base.extend<{ complaints: string[] }>({
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

/** The panel of an issue, as somebody sees it. */
export async function openPanel(page: Page, issue: string, query = "", as = "daniel"): Promise<FrameLocator> {
  await page.goto(`${world().jira}/browse/${issue}?as=${as}${query}`);
  return appeared(page);
}

/** The administration page, as somebody sees it. */
export async function openAdmin(page: Page, as = "ada", query = ""): Promise<FrameLocator> {
  await page.goto(`${world().jira}/admin?as=${as}${query}`);
  return appeared(page);
}

/** The page of a project, as somebody sees it. */
export async function openProject(page: Page, project: string, query = "", as = "daniel"): Promise<FrameLocator> {
  const place = { connect: "plugins/servlet/ac/io.touchstone.jira/project-tests", forge: "apps/project-tests" }[host()];
  await page.goto(`${world().jira}/${place}?project=${project}&as=${as}${query}`);
  return appeared(page);
}

/** The gadget on a dashboard, as somebody sees it. */
export async function openGadget(page: Page, query = "", as = "daniel"): Promise<FrameLocator> {
  const place = { connect: "plugins/servlet/ac/io.touchstone.jira/test-coverage", forge: "apps/test-coverage" }[host()];
  await page.goto(`${world().jira}/${place}?as=${as}${query}`);
  return appeared(page);
}

/** The app's frame, once its content is there, or the word why it is not. */
async function appeared(page: Page): Promise<FrameLocator> {
  const frame = page.frameLocator(FRAME);
  await frame.locator("main:not(.arriving), main .trouble:not(:empty)").waitFor();
  return frame;
}

/** Nothing that axe knows to be wrong is on our page. */
export async function expectAccessible(page: Page): Promise<void> {
  const found = await new AxeBuilder({ page }).options({ preload: false }).include([FRAME, "html"]).analyze();
  const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  expect(told).toEqual([]);
}

/** Nothing in the frame is wider than the frame. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const frame = page.frames().find((frame) => frame.parentFrame() !== null && !frame.url().includes("/context.html"));
  const widths = await frame?.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    frame: document.documentElement.clientWidth,
  }));
  expect(widths).toBeDefined();
  expect(widths?.content).toBeLessThanOrEqual(widths?.frame ?? 0);
}
