import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { defineConfig } from "vite";

// What the page is made of: a test compares it with what there is, so that nobody forgets to build.
const sources = ["index.html", "package-lock.json", "vite.config.ts", ...readdirSync("src").map((name) => `src/${name}`)];
const checksum = () => {
  const sum = createHash("sha256");
  for (const name of sources.sort()) sum.update(`${name}\0`).update(readFileSync(name));
  return sum.digest("hex");
};

// Names without a hash, and paths that hold wherever the page is: below a token, or in one file.
export default defineConfig({
  base: "./",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  plugins: [
    {
      name: "checksum",
      generateBundle() {
        this.emitFile({ type: "asset", fileName: "sources.sha256", source: `${checksum()}\n` });
      },
    },
  ],
  build: {
    outDir: "../recorder/view/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsDir: ".",
    rollupOptions: {
      output: { entryFileNames: "page.js", assetFileNames: "page[extname]", inlineDynamicImports: true },
    },
  },
});
