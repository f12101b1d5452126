import { defineConfig } from "vite";

// Where a developer's server listens; the built page asks its own origin and never reads this.
const SERVER = "http://127.0.0.1:3001";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    // The page's policy is `default-src 'self'`: a file inlined as data: would be blocked.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      "/api": SERVER,
      "/ws": { target: SERVER, ws: true },
    },
  },
});
