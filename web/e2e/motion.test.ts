// Whoever wants less motion sees none, whether the device says so or the page's own setting.

import { expect } from "vitest";
import type { Page } from "playwright-core";
import { BEAMER } from "./support/booth.ts";
import type { Dj } from "./support/dj.ts";
import type { Floor } from "./support/dancer.ts";
import { story } from "./support/story.ts";

/** What moves on a page by itself. */
function moving(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    document
      .getAnimations()
      .filter(({ playState }) => playState === "running")
      .map((one) => (one instanceof CSSAnimation ? one.animationName : one.constructor.name)),
  );
}

/** The front page, a dancer's and a wall, each with as much on it as moves anywhere. */
async function pages(floor: Floor, dj: Dj, still: boolean, media: object = {}): Promise<Page[]> {
  const all: Page[] = [];
  for (const [path, options, there] of [
    ["/", {}, ".only, .sessions"],
    [dj.path, {}, "[data-testid=track-title]"],
    [`/p/${dj.session}`, BEAMER, "[data-testid=wall-title]"],
  ] as const) {
    const person = await floor.person({ ...options, ...media });
    if (still) {
      await person.context.addInitScript(() => {
        if (location.protocol.startsWith("http"))
          localStorage.setItem("pika.look", JSON.stringify({ lessMotion: true }));
      });
    }
    const { page } = await person.open(path);
    await page.locator(there).waitFor();
    all.push(page);
  }
  return all;
}

story("nothing moves for whoever asked for less motion", async ({ floor, dj }) => {
  await dj.play("Still Water");
  // What is looked for is there for everybody else.
  const moved: string[][] = [];
  for (const page of await pages(floor, dj, false)) moved.push(await moving(page));
  expect(moved.flat()).not.toEqual([]);
  const reduced = { reducedMotion: "reduce" } as const;
  for (const page of await pages(floor, dj, false, reduced)) expect(await moving(page)).toEqual([]);
  for (const page of await pages(floor, dj, true)) expect(await moving(page)).toEqual([]);
});
