// Builds the Custom UI pages into static/ui: what `forge deploy` uploads to Atlassian. Scripts and
// styles are those of ../../ui, with the Forge adapter in place of Connect's; the page around each
// fragment is the service's own layout, filled in here. Nothing in a page is inline: the content
// security policy of Custom UI forbids it.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const here = import.meta.dirname;
const root = path.join(here, "../..");
const ui = path.join(root, "ui");
const target = path.join(here, "static/ui");
const { options } = await import(path.join(ui, "options.mjs"));
const { build } = createRequire(path.join(ui, "package.json"))("esbuild");

/** Each entry of the manifest's resource: what the page is called until its content is there. */
const PAGES = {
  panel: "Tests",
  context: "Test status",
  admin: "Touchstone settings",
  project: "Tests of this project",
  gadget: "Test coverage",
  "gadget-edit": "Test coverage settings",
};

const layout = await readFile(path.join(root, "src/web/templates/layout.html"), "utf8");
const shell = await readFile(path.join(root, "src/web/templates/shell.html"), "utf8");

/** The layout with our files in it; a mark that is left over is an error. */
function page(name, title) {
  const main = fill(shell, { "{{ page }}": name, "{{ root }}": "", "{{ title }}": title });
  return fill(layout, {
    "{% block title %}Touchstone{% endblock %}": title,
    "{{ frame.style }}": "./app.css",
    "{{ frame.boot }}": "./boot.js",
    '<script src="{{ frame.bridge }}" defer></script>\n': "",
    "{{ frame.script }}": "./page.js",
    "{% block content %}{% endblock %}": main.trim(),
  });
}

function fill(text, marks) {
  for (const [mark, value] of Object.entries(marks)) {
    if (!text.includes(mark)) throw new Error(`the template has no ${mark} any more`);
    text = text.replaceAll(mark, value);
  }
  const left = /\{\{.*?\}\}|\{%.*?%\}/.exec(text);
  if (left) throw new Error(`${left[0]} means nothing here`);
  return text;
}

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await build({
  ...options,
  entryPoints: [
    { in: path.join(ui, "src/boot.ts"), out: "boot" },
    { in: path.join(ui, "src/forge/page.ts"), out: "page" },
    { in: path.join(ui, "src/app.css"), out: "app" },
  ],
  outdir: target,
  nodePaths: [path.join(here, "node_modules")],
});
for (const [name, title] of Object.entries(PAGES)) {
  await writeFile(path.join(target, `${name}.html`), page(name, title));
}
await cp(path.join(ui, "icons"), path.join(target, "icons"), { recursive: true });
