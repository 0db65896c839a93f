// Writes joined/: the app for sites that had it from Connect. manifest.yml and connect.yml together,
// and the same pages beside them.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse, stringify } from "yaml";

const here = import.meta.dirname;
const target = path.join(here, "joined");

/** Objects are merged name by name, entries of lists by their key; what has none is added. */
function together(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    const isSame = (entry) => (held) => entry.key !== undefined && held.key === entry.key;
    const held = one.map((entry) => {
      const more = other.find(isSame(entry));
      return more ? together(entry, more) : entry;
    });
    return [...held, ...other.filter((entry) => !one.some(isSame(entry)))];
  }
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
