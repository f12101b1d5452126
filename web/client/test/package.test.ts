// What a stranger gets from npm: it installs, plain Node imports it, and a strict compiler believes its types.

import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packed, TYPES, type Packed } from "./packed.ts";

const CLIENT = resolve(import.meta.dirname, "..");
const README = readFileSync(join(CLIENT, "README.md"), "utf8");

let parcel: Packed;
beforeAll(async () => {
  parcel = await packed();
}, 60_000);
afterAll(() => parcel.remove());

describe("the package", () => {
  it("holds what was built, its source, and what it may be used for; no tests", () => {
    expect(parcel.files).toEqual(
      expect.arrayContaining([
        "LICENSE",
        "README.md",
        "dist/index.js",
        "dist/index.d.ts",
        "dist/dj/index.js",
        "dist/msgpack.d.ts",
        "src/index.ts",
      ]),
    );
    expect(parcel.files.filter((path) => !/^(dist|src)\//.test(path)).toSorted()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
    ]);
    const root = readFileSync(resolve(CLIENT, "../../LICENSE"), "utf8");
    expect(readFileSync(join(CLIENT, "LICENSE"), "utf8")).toBe(root);
  });

  it("has the version of the server that it is released with", () => {
    const own = JSON.parse(readFileSync(join(CLIENT, "package.json"), "utf8")) as object;
    const workspace = readFileSync(resolve(CLIENT, "../../Cargo.toml"), "utf8");
    expect(own).toHaveProperty("version", /^version = "(.*)"$/m.exec(workspace)?.[1]);
  });

  it("may be published for everybody: a name with a scope is private without a word", () => {
    const own = JSON.parse(readFileSync(join(CLIENT, "package.json"), "utf8")) as object;
    expect(own).toHaveProperty("publishConfig.access", "public");
  });

  it("leaves out of a bundle what nobody asked for", async () => {
    await writeFile(
      join(parcel.folder, "small.js"),
      `import { visible } from "@pika/client"; globalThis.said = visible;`,
    );
    const bundle = async (file: string) => {
      const built = await build({
        root: parcel.folder,
        logLevel: "silent",
        build: { write: false, rollupOptions: { input: join(parcel.folder, file) } },
      });
      const [{ output }] = [built].flat() as { output: { code?: string }[] }[] as [
        { output: { code?: string }[] },
      ];
      return output.map(({ code = "" }) => code).join("");
    };
    const small = await bundle("small.js");
    expect(small.length).toBeGreaterThan(20);
    expect(small.length).toBeLessThan(2_000);
    expect(small).not.toContain("SEND_BULK_LIKE");
    await writeFile(
      join(parcel.folder, "whole.js"),
      `import { LiveClient } from "@pika/client"; globalThis.Client = LiveClient;`,
    );
    expect(await bundle("whole.js")).toContain("SEND_BULK_LIKE");
  }, 30_000);

  it("is imported by plain Node, and reads both forms of the wire", async () => {
    await writeFile(
      join(parcel.folder, "use.mjs"),
      `import { LiveClient, webPlatform } from "@pika/client";
       import { DjClient, readHistory } from "@pika/client/dj";
       import { msgpack } from "@pika/client/msgpack";
       const client = new LiveClient({
         url: "ws://127.0.0.1:9/ws", sessionId: "friday-night", platform: webPlatform(), codec: msgpack,
       });
       const { buffer } = Uint8Array.from(msgpack.encode({ type: "PING", at: undefined }));
       console.log(JSON.stringify({
         phase: client.current.phase,
         read: msgpack.decode(buffer),
         dj: typeof DjClient,
         first: readHistory("The Testers - Tonight").tracks[0].title,
       }));`,
    );
    expect(JSON.parse(await parcel.run("node", "use.mjs"))).toEqual({
      phase: "waiting",
      read: { type: "PING" },
      dj: "function",
      first: "Tonight",
    });
  });

  it("hides what it does not promise", async () => {
    const line = `await import("@pika/client/dist/wire.js").catch((error) => console.log(error.code))`;
    const said = await parcel.run("node", "--input-type=module", "-e", line);
    expect(said.trim()).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  it("has types that hold under nodenext, and a readme whose examples compile", async () => {
    const examples = [...README.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? "");
    expect(examples).toHaveLength(2);
    for (const [place, code] of examples.entries()) {
      expect(code.trim().split("\n").length).toBeLessThanOrEqual(10);
      await writeFile(join(parcel.folder, `example-${place}.ts`), code);
    }
    await writeFile(
      join(parcel.folder, "wrong.ts"),
      `import { LiveClient, webPlatform } from "@pika/client";
       // @ts-expect-error -- a session is needed, and types that were lost would let this pass.
       new LiveClient({ url: "ws://127.0.0.1:9/ws", platform: webPlatform() });`,
    );
    const compilerOptions = {
      module: "nodenext",
      moduleResolution: "nodenext",
      target: "es2022",
      lib: ["es2023"],
      types: ["node"],
      typeRoots: [TYPES],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    };
    const config = { compilerOptions, include: ["*.ts"] };
    await writeFile(join(parcel.folder, "tsconfig.json"), JSON.stringify(config));
    expect(await parcel.run("tsc", "-p", ".")).toBe("");
  }, 60_000);
});
