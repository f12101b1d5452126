import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    globalSetup: "support/parts.ts",
    // Each file runs a server, a broker and a browser of its own: more of them at once than this only wait for a core.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 40_000,
  },
});
