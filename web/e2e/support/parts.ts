// The real parts that the stories need. One that is missing fails the run with a sentence; nothing is skipped.

import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");

export const PIKA = resolve(process.env.PIKA_BIN ?? join(ROOT, "target/debug/pika"));
export const CHROMIUM = process.env.CHROMIUM_BIN ?? onPath("chromium");
export const SAMPLE = join(ROOT, "samples/wcs-night.m3u");
export const BUILT_PAGE = join(ROOT, "web/dist/index.html");

export default function allPartsAreThere(): void {
  if (!existsSync(PIKA)) {
    throw new Error(`${PIKA} is not there: run 'make web', then 'cargo build --workspace'`);
  }
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `${CHROMIUM} is not there: run 'deploy/tools.sh chromium', or set CHROMIUM_BIN`,
    );
  }
}

function onPath(program: string): string {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  return found ?? join("/usr/bin", program);
}
