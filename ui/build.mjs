// Builds the pages' scripts and styles into dist/: what the binary carries, each file also
// compressed. Names are stable here; the service puts a hash into the address. The Forge bundle is
// built from the same sources by deploy/forge/build.mjs.
import { build } from "esbuild";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { options } from "./options.mjs";

await rm("dist", { recursive: true, force: true });
await build({ ...options, entryPoints: ["src/boot.ts", "src/page.ts", "src/app.css", "src/reference.css"], outdir: "dist" });
await cp("icons", "dist", { recursive: true });
for (const name of await readdir("dist")) {
  const plain = await readFile(`dist/${name}`);
  await writeFile(`dist/${name}.gz`, gzipSync(plain, { level: 9 }));
}
