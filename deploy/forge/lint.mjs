// Checks a manifest without an account and without the network: `node lint.mjs [folder]…`.
//
// First the validators of the Forge CLI's own library, all of them, then checks.mjs. Ends with 1 when
// there is an error or a warning.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { check } from "./checks.mjs";

const require = createRequire(import.meta.url);
const { ProcessorBuilder, ValidationTypes } = require("@forge/manifest");
const library = path.dirname(path.dirname(require.resolve("@forge/manifest")));
const data = (file) => JSON.parse(readFileSync(path.join(library, file), "utf8"));

const facts = {
  events: data("out/mapping/product-event-to-scope-mapping.json").mapping.map((one) => one.productEvent),
  schema: data("out/schema/manifest-schema.json"),
};

const here = process.cwd();
const folders = process.argv.slice(2);
let count = 0;
for (const folder of folders.length > 0 ? folders : ["."]) count += await lint(path.resolve(here, folder));
process.exitCode = count > 0 ? 1 : 0;

/** Lints the manifest of a folder; returns how many things are wrong with it. */
async function lint(folder) {
  process.chdir(folder);
  const manifest = parse(readFileSync("manifest.yml", "utf8"));
  // The validators repeat each other, so a complaint is kept once.
  const complaints = new Set([...(await byLibrary()), ...check(manifest, facts)]);
  for (const complaint of complaints) console.error(`${path.join(folder, "manifest.yml")}: ${complaint}`);
  const { version } = data("package.json");
  console.log(`${path.relative(here, folder) || "."}/manifest.yml, @forge/manifest ${version}: ${complaints.size} wrong`);
  return complaints.size;
}

async function byLibrary() {
  const complaints = [];
  for (const kind of Object.values(ValidationTypes)) {
    // The others build on the basic one and run it themselves.
    if (kind === ValidationTypes.BASIC) continue;
    const { success, errors = [] } = await ProcessorBuilder.instance().withValidation(kind).build().process();
    for (const { level = "error", line = 0, column = 0, message } of errors) {
      complaints.push(`${level} ${line}:${column} ${String(message).replace(/\s+/g, " ").trim()}`);
    }
    if (!success && errors.length === 0) complaints.push(`error ${kind}: refused without a reason`);
  }
  return complaints;
}
