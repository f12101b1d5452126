import { expect } from "vitest";
import type { Page } from "playwright-core";
import { eventually } from "./support/dancer.ts";
import type { Dj } from "./support/dj.ts";
import { story } from "./support/story.ts";

const LONG = "Supercalifragilisticexpialidocious".repeat(4);

/** An evening with everything on the page at once, in words as long as the contract lets them be. */
async function fullHouse(dj: Dj) {
  await dj.play(`${LONG} one`, { artist: LONG, key: "F#m" });
  await dj.play(`${LONG} two`, { artist: LONG, key: "Bbm" });
  await dj.announce(LONG);
  return dj.ask(LONG, [LONG.slice(0, 100), "A short one", "And one of several plain words"], {
    durationSeconds: 300,
  });
}

story("every control has a name, and is large enough for a thumb", async ({ floor, dj }) => {
  await fullHouse(dj);
  const home = await floor.visit("/");
  await home.page.getByRole("link", { name: /DJ Test/ }).waitFor();
  const live = await floor.dance(dj.path);
  await live.poll.waitFor();
  await live.page.getByRole("region", { name: "Earlier" }).waitFor();
  const lost = await floor.visit("/j/zzzzzz");
  await lost.page.getByRole("heading").waitFor();
  for (const { page } of [home, live, lost]) {
    const found = await controls(page);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((one) => one.name.trim() === "")).toEqual([]);
    expect(await tooSmall(page)).toEqual([]);
  }
  expect((await controls(live.page)).length).toBeGreaterThanOrEqual(10);
});

story("a vote needs no more than a keyboard", async ({ floor, dj }) => {
  await dj.play("Hands Free");
  await dj.ask("Shall we?", ["Yes", "No"]);
  const dancer = await floor.dance(dj.path, { hasTouch: false, isMobile: false });
  await dancer.poll.waitFor();
  const focused = () =>
    dancer.page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? "");
  for (let i = 0; i < 30 && (await focused()) !== "poll-option-1"; i += 1) {
    await dancer.page.keyboard.press("Tab");
  }
  expect(await focused()).toBe("poll-option-1");
  await dancer.picture("keyboard");
  await dancer.page.keyboard.press("Enter");
  await dancer.pressed(dancer.option(1), true);
  await dancer.reads(dancer.poll, "Your vote for “No” counts.");
  // The focus stays where the hand is, and the outcome is said aloud.
  expect(await focused()).toBe("poll-option-1");
  const said = dancer.poll.getByRole("status");
  await dancer.reads(said, "Your vote for “No” counts.");
});

story("nothing scrolls sideways on the narrowest phone", async ({ floor, dj }) => {
  const poll = await fullHouse(dj);
  const narrow = { viewport: { width: 320, height: 640 } };
  const live = await floor.dance(dj.path, narrow);
  await live.poll.waitFor();
  await live.page.getByRole("region", { name: "Earlier" }).waitFor();
  expect(await overflowing(live.page)).toEqual([]);
  await live.picture("narrow-live");
  const home = await floor.visit("/", narrow);
  await home.page.getByRole("link", { name: /DJ Test/ }).waitFor();
  expect(await overflowing(home.page)).toEqual([]);
  await home.picture("narrow-home");
  await poll.end();
  await live.page.getByTestId("poll-result").waitFor();
  expect(await overflowing(live.page)).toEqual([]);
  await dj.end();
  await live.page.getByRole("link", { name: "See the recap" }).click();
  await live.page.getByRole("region", { name: "Tracks" }).waitFor();
  expect(await overflowing(live.page)).toEqual([]);
  await live.picture("narrow-recap");
});

story("what changed is said to those who do not see it", async ({ floor, dj }) => {
  const dancer = await floor.dance(dj.path);
  const spoken = dancer.page.getByTestId("spoken");
  await dj.play("Voice");
  await eventually(() => spoken.textContent()).toBe("Now playing: Voice by The Testers");
  await dj.announce("Water is at the bar");
  await eventually(() => spoken.textContent()).toBe("Announcement: Water is at the bar");
  await dj.ask("Louder?", ["Yes", "No"]);
  await eventually(() => spoken.textContent()).toBe("New poll: Louder?");
  await dj.end();
  await eventually(() => spoken.textContent()).toBe("The session has ended.");
});

const ROLES = new Set(["button", "link", "textbox"]);

/** Roles and names as the browser tells them to a screen reader. */
async function controls(page: Page): Promise<{ role: string; name: string }[]> {
  const devtools = await page.context().newCDPSession(page);
  const { nodes } = await devtools.send("Accessibility.getFullAXTree");
  return nodes
    .filter((node) => !node.ignored && ROLES.has(String(node.role?.value)))
    .map((node) => ({ role: String(node.role?.value), name: String(node.name?.value ?? "") }));
}

/** Controls less than 44 px either way: below that, fingers miss. */
function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll("button, a, input")]
      .filter((one) => {
        const { width, height } = one.getBoundingClientRect();
        return width < 44 || height < 44;
      })
      .map((one) => one.outerHTML.slice(0, 120)),
  );
}

/** What stands out at the right of the window and is not cut by a parent that is inside it. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const cut = (one: Element): boolean => {
      const parent = one.parentElement;
      if (parent === null || parent === document.body) return false;
      const hides = getComputedStyle(parent).overflowX !== "visible";
      return (hides && parent.getBoundingClientRect().right <= width + 1) || cut(parent);
    };
    const wide = [...document.body.querySelectorAll("*")].filter(
      (one) => one.getBoundingClientRect().right > width + 1 && !cut(one),
    );
    const found = wide.map((one) => one.outerHTML.slice(0, 120));
    const scrolls = document.documentElement.scrollWidth > width;
    return scrolls
      ? [`the page is ${document.documentElement.scrollWidth} px wide`, ...found]
      : found;
  });
}
