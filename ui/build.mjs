// Builds the pages' scripts and styles into dist/: what the binary and the Forge bundle carry, each
// file also compressed. Names are stable here; the service puts a hash into the address.
import { build } from "esbuild";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/boot.ts", "src/page.ts", "src/app.css"],
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome111", "firefox115", "safari16.4"],
  loader: { ".svg": "dataurl" },
  legalComments: "none",
  logLevel: "warning",
});
for (const name of await readdir("dist")) {
  const plain = await readFile(`dist/${name}`);
  await writeFile(`dist/${name}.gz`, gzipSync(plain, { level: 9 }));
}
