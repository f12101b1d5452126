import { defineConfig } from "vitest/config";

// The client is tested without a browser on purpose: it must not come to need one.
const source = ["@pika/source"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "client",
          root: "client",
          include: ["test/**/*.test.ts"],
          environment: "node",
        },
      },
      {
        resolve: { conditions: source },
        ssr: { resolve: { conditions: source } },
        oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
        test: {
          name: "app",
          root: "app",
          include: ["test/**/*.test.{ts,tsx}"],
          environment: "happy-dom",
        },
      },
    ],
  },
});
