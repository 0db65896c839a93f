// Builds the pages' scripts and styles into dist/: what the binary and the Forge bundle carry.
// Names are stable here; the service puts a hash of the content into the address.
import { build } from "esbuild";
import { rm } from "node:fs/promises";

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/panel.ts", "src/admin.ts", "src/theme.ts", "src/app.css"],
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome111", "firefox115", "safari16.4"],
  legalComments: "none",
  logLevel: "info",
});
