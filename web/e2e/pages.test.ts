// Every page by the rules that machines can check: axe, a keyboard, a narrow phone, and a language that is read the other way.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "vitest";
import type { Page } from "playwright-core";
import { eventually } from "./support/dancer.ts";
import { Dj } from "./support/dj.ts";
import { signedIn, signUp } from "./support/people.ts";
import { accountStory as story } from "./support/story.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const OPEN = [
  "/",
  "/account",
  "/account/register",
  "/account/forgotten",
  "/account#reset=x",
  "/stats",
  "/likes",
  "/dj",
  "/nowhere",
  "/admin",
];
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
  const paths = [...OWN.map((part) => `/account${part}`), "/admin", "/admin/audit"];
  const wrong: string[] = [];
  for (const path of paths) wrong.push(...(await broken(page, path)));
  expect(wrong).toEqual([]);
});

story("no page of everybody's breaks a rule of axe", async ({ floor, pika }) => {
  const someone = await signUp(pika, "DJ Axe");
  const dj = await Dj.live(pika, "DJ Axe", someone.token);
  for (const title of ["One", "Two"]) await dj.play(title);
  await dj.ask("Shall we?", ["Yes", "No"]);
  const { page } = await floor.visit("/");
  const wrong: string[] = [];
  for (const path of [...OPEN, dj.path, `${dj.path}/recap`, `/p/${dj.session}`]) {
    wrong.push(...(await broken(page, path)));
  }
  await dj.end();
  await eventually(() => pika.get("/api/dj/dj-axe")).not.toBeNull();
  wrong.push(...(await broken(page, "/dj/dj-axe")));
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const path of ["/", "/account"]) wrong.push(...(await broken(page, path)));
  expect(wrong).toEqual([]);
});

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

/** What axe finds, one line a rule and page. It is let in past the page's policy, as an extension would be. */
async function broken(page: Page, path: string): Promise<string[]> {
  await settled(page, path);
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: (options: unknown) => Promise<{ violations: Violation[] }> };
    };
    interface Violation {
      id: string;
      help: string;
      nodes: { html: string; failureSummary?: string }[];
    }
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.map((one) => {
      const [first] = one.nodes;
      return `${one.id}: ${one.help}: ${first?.html.slice(0, 160)} ${first?.failureSummary ?? ""}`;
    });
  });
  return found.map((line) => `${path} ${page.viewportSize()?.width}: ${line}`);
}
