// The package as npm would publish it, installed by somebody who has nothing else of this project.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const CLIENT = resolve(import.meta.dirname, "..");
const MODULES = resolve(CLIENT, "../node_modules");
const run = promisify(execFile);

export const TYPES = join(MODULES, "@types");

export interface Packed {
  readonly folder: string;
  /** What the tarball holds, as npm lists it. */
  readonly files: readonly string[];
  /** Runs one of the project's own tools, or node, in that folder and gives what it printed. */
  run(program: "node" | "tsc", ...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Packs, which builds, and installs the tarball with a registry that nobody answers at. */
export async function packed(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), "pika-packed-"));
  const pack = ["pack", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: CLIENT });
  const [made] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [
    { filename: string; files: { path: string }[] },
  ];
  const stranger = { name: "stranger", version: "1.0.0", private: true, type: "module" };
  await writeFile(join(folder, "package.json"), JSON.stringify(stranger));
  const alone = ["--offline", "--registry", "http://127.0.0.1:9", "--cache", join(folder, "cache")];
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--install-links"];
  const what = [`./${made.filename}`, join(MODULES, "@msgpack/msgpack")];
  await run("npm", ["install", ...alone, ...quiet, ...what], { cwd: folder });
  return {
    folder,
    files: made.files.map(({ path }) => path),
    async run(program, ...args) {
      const path = program === "node" ? process.execPath : join(MODULES, ".bin", program);
      try {
        return (await run(path, args, { cwd: folder })).stdout;
      } catch (error) {
        const { stdout: said, stderr: wrong } = error as { stdout: string; stderr: string };
        throw new Error(`${program} ${args.join(" ")}:\n${said}${wrong}`, { cause: error });
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
