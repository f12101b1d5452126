// Every page by the rules that machines can check: axe, a keyboard, a narrow phone, and a language that is read the other way.

import { expect } from "vitest";
import type { BrowserContextOptions, Page } from "playwright-core";
import type { Route } from "../app/src/route.ts";
import { faultsOf } from "./support/axe.ts";
import { BEAMER, Booth, LAPTOP } from "./support/booth.ts";
import { eventually, PHONE, type Floor } from "./support/dancer.ts";
import { Dj } from "./support/dj.ts";
import { signedIn, signUp } from "./support/people.ts";
import { accountStory as story } from "./support/story.ts";

/** Where each kind of page stands. A new kind without an address here does not compile. */
const OPEN_PAGES = {
  home: ["/"],
  join: ["/j/zzzzzz"],
  dj: ["/dj"],
  likes: ["/likes"],
  stats: ["/stats"],
  account: [
    "/account",
    "/account/register",
    "/account/forgotten",
    "/account#reset=x",
    "/account#verify=x",
    "/account#change=x",
  ],
  admin: ["/admin"],
  profile: ["/dj/nobody-of-that-name"],
  lost: ["/nowhere"],
} satisfies Record<Exclude<Route["page"], OfAnEvening>, string[]>;
type OfAnEvening = "live" | "recap" | "projector";
const ofAnEvening = (dj: Dj) =>
  Object.values({
    live: dj.path,
    recap: `${dj.path}/recap`,
    projector: `/p/${dj.session}`,
  } satisfies Record<OfAnEvening, string>);
const OPEN = Object.values(OPEN_PAGES).flat();
const OWN = [
  "",
  "/profile",
  "/sessions",
  "/tokens",
  "/security",
  "/preferences",
  "/device",
  "/data",
];

story("no page of somebody's own breaks a rule of axe", async ({ floor, pika }) => {
  const someone = await signUp(pika, "DJ Own");
  await pika.admin("grant", someone.email, "admin");
  const { page } = await signedIn(floor, someone);
  const dj = await Dj.live(pika, "DJ Own", someone.token);
  await dj.play("One");
  const poll = await dj.ask("Shall we?", ["Yes", "No"]);
  await poll.end();
  await dj.end();
  const recap = `${dj.path}/recap`;
  const paths = [...OWN.map((part) => `/account${part}`), "/admin", "/admin/audit", "/dj", recap];
  const wrong: string[] = [];
  for (const path of paths) wrong.push(...(await broken(page, path)));
  expect(await page.getByRole("heading", { name: "Polls" }).count()).toBe(1);
  expect(wrong).toEqual([]);
});

story("what opens without a network breaks no rule of axe", async ({ floor, dj }) => {
  const { page } = await floor.visit("/");
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await page.reload();
  await page.context().setOffline(true);
  await page.goto("/");
  await page.getByTestId("offline").waitFor();
  const wrong = await faultsOf(page);
  await page.goto(dj.path);
  await page.getByTestId("connection-state").waitFor();
  wrong.push(...(await faultsOf(page)));
  expect(wrong).toEqual([]);
});

story("no page of everybody's breaks a rule of axe", async ({ floor, pika }) => {
  const someone = await signUp(pika, "DJ Axe");
  const dj = await Dj.live(pika, "DJ Axe", someone.token);
  for (const title of ["One", "Two"]) await dj.play(title);
  await dj.ask("Shall we?", ["Yes", "No"]);
  const { page } = await floor.visit("/");
  const wrong: string[] = [];
  for (const path of [...OPEN, ...ofAnEvening(dj)]) {
    wrong.push(...(await broken(page, path)));
  }
  await dj.end();
  await eventually(() => pika.get("/api/dj/dj-axe")).not.toBeNull();
  for (const path of ["/dj/dj-axe", ...ofAnEvening(dj)]) wrong.push(...(await broken(page, path)));
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const path of ["/", "/account"]) wrong.push(...(await broken(page, path)));
  expect(wrong).toEqual([]);
});

story("the console of an evening in full swing breaks no rule of axe", async ({ floor }) => {
  const booth = await swinging(floor);
  const wrong = (await faultsOf(booth.page)).map((line) => `in full swing: ${line}`);
  await booth.page.getByRole("button", { name: "End the session" }).click();
  await booth.page.getByRole("alertdialog").waitFor();
  wrong.push(...(await faultsOf(booth.page)).map((line) => `asking whether to end: ${line}`));
  await booth.page.setViewportSize({ width: 360, height: 740 });
  wrong.push(...(await faultsOf(booth.page)).map((line) => `on a phone: ${line}`));
  expect(wrong).toEqual([]);
});

story(
  "every page of an evening can be read from the right",
  async ({ floor, pika }) => {
    const someone = await signUp(pika, "DJ Right");
    const dj = await Dj.live(pika, "DJ Right", someone.token);
    for (const title of ["One", "Two"])
      await dj.play(title, { artist: "A rather long name of a band" });
    await dj.announce("Water is at the bar, and the last bus goes at two");
    const wrong: string[] = [];
    const turned = async (what: string, page: Page) => {
      await page.evaluate(() => (document.documentElement.dir = "rtl"));
      const wide = await tooWide(page);
      if (wide > 0) wrong.push(`${what} is ${wide} px too wide`);
      wrong.push(...(await outside(page)).map((one) => `${what} shows nobody ${one}`));
      await page.evaluate(() => (document.documentElement.dir = "ltr"));
    };

    const wall = await floor.visit(`/p/${dj.session}`, BEAMER);
    await wall.page.getByTestId("wall-title").waitFor();
    await turned("the wall", wall.page);
    await dj.ask("Shall we go on for a while?", ["Yes, for ever", "No"]);
    await wall.page.getByTestId("wall-poll").waitFor();
    await turned("the wall of a poll", wall.page);

    const { page } = await floor.visit("/");
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of [...OPEN, dj.path]) {
        await settled(page, path);
        await turned(`${path} at ${width}`, page);
      }
    }
    for (const options of [LAPTOP, PHONE]) {
      const booth = await swinging(floor, options);
      await turned(`the console at ${options.viewport.width}`, booth.page);
    }
    await dj.end();
    await eventually(() => pika.get("/api/dj/dj-right")).not.toBeNull();
    for (const path of [`${dj.path}/recap`, "/dj/dj-right", dj.path]) {
      await settled(page, path);
      await turned(path, page);
    }
    expect(wrong).toEqual([]);
  },
  120_000,
);

story(
  "pages fit a narrow phone in either direction of reading, and nothing on them jumps",
  async ({ floor, pika }) => {
    const someone = await signUp(pika, "DJ Extraordinarily Longwinded Of The Northern Shores");
    await pika.admin("grant", someone.email, "admin");
    const { page } = await signedIn(floor, someone, "/account", {
      viewport: { width: 320, height: 640 },
    });
    const paths = [...OWN.map((part) => `/account${part}`), "/admin", "/admin/audit", "/stats"];
    const wrong: string[] = [];
    for (const path of paths) {
      await settled(page, path);
      const jumped = await shifted(page);
      // Below 0.1 a page counts as still; ours have nothing that comes late into what is there.
      if (jumped > 0.02) wrong.push(`${path} jumped by ${jumped.toFixed(3)}`);
      for (const direction of ["ltr", "rtl"]) {
        await page.evaluate((dir) => (document.documentElement.dir = dir), direction);
        const over = await tooWide(page);
        if (over > 0) wrong.push(`${path} ${direction}: ${over} px too wide`);
      }
    }
    // Polish takes more room.
    await page.evaluate(() => localStorage.setItem("pika.language", "pl"));
    for (const path of paths) {
      await settled(page, path);
      const over = await tooWide(page);
      if (over > 0) wrong.push(`${path} in Polish: ${over} px too wide`);
    }
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("pl");
    expect(wrong).toEqual([]);
    // What does jump is seen.
    await page.evaluate(() => {
      document.querySelector("main")?.prepend(document.createElement("progress"));
    });
    expect(await shifted(page)).toBeGreaterThan(0.02);
  },
);

story("somebody signs in and looks around with a keyboard alone", async ({ floor, pika }) => {
  const someone = await signUp(pika);
  const { page } = await floor.visit("/account", { hasTouch: false, isMobile: false });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const reach = async (name: string) => {
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const one = document.activeElement as HTMLInputElement | null;
        return one?.labels?.[0]?.textContent ?? one?.textContent ?? "";
      });
      if (at.trim() === name) return;
    }
    throw new Error(`the keyboard never came to ${name}`);
  };
  await reach("E-mail address");
  await page.keyboard.type(someone.email);
  await reach("Password");
  await page.keyboard.type("blue suede shoes 7");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  // A new page begins at its heading, not where the old one was left.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Overview");
  await page.keyboard.press("Shift+Tab");
  const ring = await page.evaluate(() => {
    const one = document.activeElement;
    return one === null ? "" : getComputedStyle(one).outlineStyle;
  });
  expect(ring).toBe("solid");
});

/** A DJ who plays, asks and announces, and whom somebody likes. */
async function swinging(floor: Floor, options: BrowserContextOptions = LAPTOP): Promise<Booth> {
  const booth = await Booth.guest(floor, "DJ Swing", options);
  const { page } = booth;
  await booth.paste("The Testers - One\nThe Testers - Two");
  await booth.play("Tonight", "The Testers", "104");
  await eventually(() => booth.title.innerText()).toBe("Tonight");
  const polls = page.getByRole("region", { name: "Poll" });
  await polls.getByRole("button", { name: "Next style" }).click();
  await polls.getByRole("button", { name: "Start the poll" }).click();
  await page.getByTestId("dj-poll-running").waitFor();
  return booth;
}

/** Controls of which a part stands outside of the window, where no scrolling leads to. */
function outside(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const cutIn = (one: Element): boolean => {
      const { left, right, width } = one.getBoundingClientRect();
      if (width === 0 || one.closest(".unseen, .skip") !== null) return false;
      for (let box = one.parentElement; box !== null; box = box.parentElement) {
        const { overflowX } = getComputedStyle(box);
        if (overflowX === "auto" || overflowX === "scroll") return cutIn(box);
      }
      return left < -1 || right > document.documentElement.clientWidth + 1;
    };
    return [...document.querySelectorAll("button, a, input, select, textarea")]
      .filter(cutIn)
      .map((one) => one.outerHTML.slice(0, 120));
  });
}

async function settled(page: Page, path: string): Promise<void> {
  // An address that differs behind `#` alone would not be opened anew.
  if (path.includes("#")) await page.goto("about:blank");
  await page.goto(path);
  await page.locator("h1").first().waitFor();
  await page.locator(".pending, .loading").first().waitFor({ state: "detached" });
}

/** Pixels that stand out at the side. */
function tooWide(page: Page): Promise<number> {
  return page.evaluate(() => {
    const root = document.documentElement;
    return root.scrollWidth - root.clientWidth;
  });
}

/** How much of the page moved by itself since it was opened, as browsers count it. */
function shifted(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0;
        const observer = new PerformanceObserver((list) => {
          // Whether somebody had touched the page does not matter: nobody did, and to a browser that is told of its size
          // from outside the first half second looks touched.
          for (const move of list.getEntries())
            sum += (move as PerformanceEntry & { value: number }).value;
        });
        observer.observe({ type: "layout-shift", buffered: true });
        // What is kept of before is told in a task of its own, after the next picture.
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(sum), 0)));
      }),
  );
}

async function broken(page: Page, path: string): Promise<string[]> {
  await settled(page, path);
  const found = await faultsOf(page);
  return found.map((line) => `${path} ${page.viewportSize()?.width}: ${line}`);
}
