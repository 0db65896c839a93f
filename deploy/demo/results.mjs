// Writes the sample project's test results: eight nightly builds of a web shop on three browsers,
// as the JUnit files a real pipeline would leave, ending a few minutes ago.
//
//   node deploy/demo/results.mjs DIRECTORY
//
// Prints one line a file: file, environment, fix version, revision, build.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2];
if (!directory) {
  console.error("usage: node deploy/demo/results.mjs DIRECTORY");
  process.exit(2);
}
mkdirSync(directory, { recursive: true });

const HOUR = 3600_000;
const BROWSERS = ["chrome", "firefox", "safari"];
const BUILDS = [505, 506, 507, 508, 509, 510, 511, 512];

// A test: the stories it covers, its class and name, seconds it takes, and what happens in a build
// on a browser; anything not said passes.
const TESTS = [
  ["SHOP-2", "basket.add", "Adds an article and shows the new total", 1.2],
  ["SHOP-2", "basket.add", "Keeps the basket after signing in", 2.4],
  ["SHOP-3", "basket.quantity", "Quantity 0 asks before it removes", 0.9],
  ["SHOP-3", "basket.quantity", "Quantity over 99 is refused", 0.7],
  ["SHOP-4", "session.storage", "A basket survives the restart of a node", 6.1],
  ["SHOP-5", "address.form", "Checks the postcode against the country", 1.1],
  ["SHOP-5", "address.form", "Keeps the house number on the way back", 1.6,
    (build) => build < 508 ? fail("expected house number 12, got an empty field", "address.spec.ts:41") : null],
  ["SHOP-6", "invoice.offer", "Is offered from the second order on", 1.8],
  ["SHOP-6", "invoice.offer", "Is not offered over 500 euros", 1.3, () => skip("waits for the new limit")],
  ["SHOP-7,SHOP-1", "payment.card", "Adds three items and pays", 4.2],
  ["SHOP-7", "payment.card", "Pays with an expired card is refused", 3.1,
    (build, browser) => build >= 510 && browser === "safari"
      ? fail("expected 402 Payment Required, got 500", "checkout.spec.ts:88") : null],
  ["SHOP-7", "payment.card", "Shows the last four digits and the expiry date", 0.8],
  ["SHOP-7", "payment.card", "Asks for the second factor over 250 euros", 5.4,
    (build, browser) => (build + browser.length) % 3 === 0
      ? flaky("timeout of 5000 ms waiting for the bank's frame", "second-factor.spec.ts:19") : null],
  ["SHOP-7", "payment.card", "Pays once when clicked twice", 2.2,
    (build) => build >= 512 ? fail("expected 1 charge, got 2", "double-click.spec.ts:27") : null],
  ["SHOP-7", "payment.card", "Removes a saved card", 1.4],
  ["SHOP-8", "voucher.redeem", "Takes ten percent off once", 1.5],
  ["SHOP-8", "voucher.redeem", "Refuses an expired code", 1.2,
    (build) => build >= 507 ? fail("expected the total to stay 40.00, got 36.00", "voucher.spec.ts:52") : null],
  ["SHOP-8", "voucher.redeem", "Says in one sentence why a code is refused", 0.6,
    (build, browser) => browser === "firefox" && build === 511 ? error("net::ERR_CONNECTION_RESET", "fixtures.ts:12") : null],
  ["SHOP-9", "mail.confirmation", "Arrives within one minute", 11.0, () => skip("no mail server on staging")],
];

const fail = (message, place) => ({ kind: "failure", message, place });
const error = (message, place) => ({ kind: "error", message, place });
const skip = (message) => ({ kind: "skipped", message });
const flaky = (message, place) => ({ kind: "flakyFailure", message, place });

for (const [index, build] of BUILDS.entries()) {
  const hoursAgo = (BUILDS.length - 1 - index) * 24;
  for (const [offset, browser] of BROWSERS.entries()) {
    const start = Date.now() - hoursAgo * HOUR - (25 - offset * 6) * 60_000;
    const file = join(directory, `build-${build}-${browser}.xml`);
    writeFileSync(file, report(build, browser, start));
    console.log([file, browser, build < 507 ? "1.3" : "1.4", revision(build), build].join(" "));
  }
}

function report(build, browser, start) {
  const cases = TESTS.map(([issues, suite, name, seconds, outcome]) => {
    const what = outcome?.(build, browser);
    const inside = `<properties><property name="requirements" value="${issues}"/></properties>${element(what)}`;
    return `    <testcase classname="${suite}" name="${xml(name)}" time="${seconds}">${inside}</testcase>`;
  });
  const time = new Date(start).toISOString().slice(0, 19);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="web shop">
  <testsuite name="checkout" timestamp="${time}" tests="${cases.length}">
${cases.join("\n")}
  </testsuite>
</testsuites>
`;
}

function element(what) {
  if (!what) return "";
  if (what.kind === "skipped") return `<skipped message="${xml(what.message)}"/>`;
  const trace = `${xml(what.message)}\n    at ${what.place}`;
  if (what.kind === "flakyFailure") {
    return `<flakyFailure message="${xml(what.message)}" type="TimeoutError"><stackTrace>${trace}</stackTrace></flakyFailure>`;
  }
  return `<${what.kind} message="${xml(what.message)}" type="AssertionError">${trace}</${what.kind}>`;
}

function revision(build) {
  return (build * 2654435761 >>> 0).toString(16).padStart(8, "0");
}

function xml(text) {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}
