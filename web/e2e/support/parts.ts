// The real parts that the stories need. One that is missing fails the run with a sentence; nothing is skipped.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");

export const PIKA = resolve(process.env.PIKA_BIN ?? join(ROOT, "target/debug/pika"));
export const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
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
