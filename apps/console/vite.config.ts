/** Builds the console into `dist/public`: one page, one script and one style sheet, named by their content. */
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  publicDir: "public",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist/public",
    emptyOutDir: true,
    target: "es2022",
    // The policy of the page allows data: pictures; everything else comes as a file.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
