import { defineConfig } from "vitest/config";

// Not a test: what it shows is looked at by people.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["pictures.shots.ts"],
    globalSetup: "support/parts.ts",
    testTimeout: 180_000,
    hookTimeout: 40_000,
  },
});
