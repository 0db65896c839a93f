// How esbuild makes our scripts and styles, wherever they are served from.
export const options = {
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome111", "firefox115", "safari16.4"],
  loader: { ".svg": "dataurl" },
  legalComments: "none",
  logLevel: "warning",
};
