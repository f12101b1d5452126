import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defaultClientConditions, defineConfig, type Plugin, type Rollup } from "vite";

// Where a developer's server listens; the built page asks its own origin and never reads this.
const SERVER = "http://127.0.0.1:3001";

/**
 * The script that the page waits for before it draws anything; no module can be that. It stands right behind the metas that
 * it changes, and before the styles: a script behind those runs only when they have come.
 */
function firstLook(): Plugin {
  const SOURCE = "src/first-look.js";
  const PLACE = "<!-- first look -->";
  let file = `/${SOURCE}`;
  return {
    name: "pika-first-look",
    generateBundle: {
      // Before the page is put together, which names it.
      order: "pre",
      handler() {
        const source = readFileSync(join(import.meta.dirname, SOURCE), "utf8");
        const made = this.emitFile({ type: "asset", name: "first-look.js", source });
        file = `/${this.getFileName(made)}`;
      },
    },
    transformIndexHtml: {
      order: "post",
      handler(html) {
        if (!html.includes(PLACE)) throw new Error(`index.html has no ${PLACE}`);
        return html.replace(PLACE, `<script src="${file}"></script>`);
      },
    },
  };
}

/** Tells the service worker which files the first page needs, and names the build after them. */
function shell(): Plugin {
  return {
    name: "pika-shell",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("the build has no service worker");
      const files = ["/", ...firstFiles(bundle).map((name) => `/${name}`)];
      const build = createHash("sha256")
        .update(Object.keys(bundle).toSorted().join())
        .digest("hex");
      worker.code = worker.code
        .replaceAll("PIKA_SHELL", JSON.stringify(files))
        .replaceAll("PIKA_BUILD", JSON.stringify(build.slice(0, 12)));
    },
  };
}

// Below this a file is as small as its headers.
const WORTH_PACKING = 1_024;

/**
 * Packs what is text, once and as small as it gets, so that no server does it while a dancer waits. Only what was written
 * is packed: until then the build still changes its files.
 */
function packed(): Plugin {
  return {
    name: "pika-packed",
    apply: "build",
    writeBundle({ dir = "" }, bundle) {
      for (const fileName of Object.keys(bundle)) {
        if (!/^assets\/.*\.(js|css|svg)$/.test(fileName)) continue;
        const path = join(dir, fileName);
        const source = readFileSync(path);
        if (source.length < WORTH_PACKING) continue;
        writeFileSync(`${path}.br`, brotliCompressSync(source));
        writeFileSync(`${path}.gz`, gzipSync(source, { level: 9 }));
      }
    },
  };
}

/** The page's own script, what it imports at once, and their styles. Pages that load later are kept once they were. */
function firstFiles(bundle: Rollup.OutputBundle): string[] {
  const found = new Set<string>();
  const take = (name: string) => {
    const chunk = bundle[name];
    if (found.has(name) || chunk === undefined) return;
    found.add(name);
    if (chunk.type !== "chunk") return;
    for (const other of [...chunk.imports, ...(chunk.viteMetadata?.importedCss ?? [])]) take(other);
  };
  for (const chunk of Object.values(bundle)) {
    if (chunk.type === "chunk" && chunk.isEntry && chunk.name === "index") take(chunk.fileName);
    if (chunk.type === "asset" && chunk.names.includes("first-look.js")) take(chunk.fileName);
  }
  return [...found];
}

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [firstLook(), shell(), packed()],
  // The pages are made of the client's source, not of what was last built of it.
  resolve: { conditions: ["@pika/source", ...defaultClientConditions] },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    // The page's policy is `default-src 'self'`: a file inlined as data: would be blocked.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rollupOptions: {
      input: { index: "index.html", sw: "src/sw.ts" },
      output: {
        // A service worker has one address for ever; browsers ask for it anew.
        entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  server: {
    proxy: {
      "/api": SERVER,
      "/ws": { target: SERVER, ws: true },
    },
  },
});
