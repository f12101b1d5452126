// A test here is a story: a server and a browser for each file, a DJ and an empty floor for each story.

import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { test } from "vitest";
import { Floor, picture } from "./dancer.ts";
import { Dj } from "./dj.ts";
import { CHROMIUM } from "./parts.ts";
import { Pika, type Settings } from "./pika.ts";

// Nothing that the browser does on its own account: it would cost time and reach outside.
const ARGS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

interface Parts {
  $file: { pika: Pika; browser: Browser };
  $test: { floor: Floor; dj: Dj };
}

/** Stories of a server with these settings. */
export const storyWith = (settings: Settings) =>
  test.extend<Parts>({
    pika: [
      // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what a part needs.
      async ({}, use) => {
        const pika = await Pika.start(settings);
        await use(pika);
        await pika.stop();
      },
      { scope: "file" },
    ],
    browser: [
      // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what a part needs.
      async ({}, use) => {
        const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS.split(" ") });
        await use(browser);
        await browser.close();
      },
      { scope: "file" },
    ],
    floor: async ({ browser, pika, task }, use) => {
      const floor = new Floor(browser, pika.url);
      await use(floor);
      if (task.result?.state === "fail") await keepPictures(floor, task.name);
      await floor.leave();
    },
    dj: async ({ pika }, use) => {
      const dj = await Dj.live(pika);
      await use(dj);
      // The next story's home page shows who is live; a story that ended its own session has nothing left to end.
      await dj.end().catch(() => {});
    },
  });

export const story = storyWith({});

/** Many sign up in one story, from one address; and a password of a story need not be hard to try. */
export const accountStory = storyWith({ PIKA_SIGN_IN_LIMITS: "0", PIKA_PASSWORD_PASSES: "2" });

async function keepPictures(floor: Floor, about: string): Promise<void> {
  const folder = join(tmpdir(), "pika-e2e-failed");
  const name = about.replaceAll(/\W+/g, "-");
  // A page that cannot even be pictured must not hide why the story failed.
  await Promise.allSettled(floor.pages().map((page, i) => picture(page, `${name}-${i}`, folder)));
  console.error(`pictures of the pages: ${join(folder, name)}-*.png`);
}
