// Writes joined/: the app for sites that had it from Connect. manifest.yml and connect.yml together,
// and the same pages beside them.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse, stringify } from "yaml";

const here = import.meta.dirname;
const target = path.join(here, "joined");

/** Objects are merged name by name, and lists follow one another. */
function together(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) return [...one, ...other];
  if (typeof one !== "object" || typeof other !== "object") return other;
  const merged = { ...one };
  for (const [name, value] of Object.entries(other)) {
    merged[name] = name in one ? together(one[name], value) : value;
  }
  return merged;
}

const read = async (name) => parse(await readFile(path.join(here, name), "utf8"));
const manifest = together(await read("manifest.yml"), await read("connect.yml"));

await rm(target, { recursive: true, force: true });
await mkdir(target);
await writeFile(
  path.join(target, "manifest.yml"),
  `# Made by deploy/forge/join.mjs from manifest.yml and connect.yml.\n${stringify(manifest)}`,
);
await cp(path.join(here, "static"), path.join(target, "static"), { recursive: true });
