import type { Page } from "playwright-core";
import { expect } from "vitest";
import { BEAMER, Booth } from "./support/booth.ts";
import { eventually } from "./support/dancer.ts";
import { Dj } from "./support/dj.ts";
import { signedIn, signUp } from "./support/people.ts";
import { accountStory as story } from "./support/story.ts";

// What people have tried to put into other people's pages. Each stands somewhere as a title, a name or a vote.
const MARKUP = [
  "<img src=x onerror=alert(1)>",
  "<script>document.title='owned'</script>",
  '"><svg onload=alert(1)>',
  "javascript:alert(1)",
  "{{constructor.constructor('alert(1)')()}}",
  "</title><h1>big</h1>",
  "%3Cimg%20src%3Dx%3E",
  "<a href=//evil.example>win</a>",
];
const TURNED = "\u202eevil\u2066 words";

story("words of strangers are text on every page that shows them", async ({ floor, dj }) => {
  for (const [i, title] of MARKUP.entries()) {
    await dj.play(title, { artist: MARKUP[(i + 3) % MARKUP.length] ?? "" });
  }
  await dj.play(TURNED);
  await dj.ask(MARKUP[0] ?? "", [...MARKUP]);
  await dj.announce(MARKUP[1] ?? "");
  const phone = await floor.dance(dj.path);
  const wall = await floor.visit(`/p/${dj.session}`, BEAMER);
  await wall.page.getByTestId("wall-poll").waitFor();
  await phone.poll.waitFor();
  await phone.hears("evil words");
  await phone.page.getByRole("region", { name: "Earlier" }).waitFor();
  await phone.like.click();
  await phone.reads(phone.like, "Tap to undo");
  // However much there is to say, it stays on the wall.
  expect(await beyond(wall.page)).toEqual([]);
  const likes = await phone.person.open("/likes");
  await likes.page.locator(".own-like").waitFor();

  const booth = await Booth.guest(floor, "DJ Corpus");
  await booth.paste(MARKUP.map((title) => `${title} - ${title}`).join("\n"));
  await booth.page.getByTestId("dj-next").click();
  await eventually(() => booth.title.innerText()).toBe(MARKUP[0]);

  const recap = await floor.visit(`${dj.path}/recap`);
  await recap.page.getByRole("region", { name: "Tracks" }).waitFor();
  for (const { page } of [phone, wall, likes, booth, recap]) {
    expect(await strange(page)).toEqual([]);
    expect(await page.title()).not.toBe("owned");
  }
  expect(await phone.page.getByTestId("poll").innerText()).toContain(MARKUP[7]);
  await phone.picture("hostile-phone");
  await wall.picture("hostile-wall");
});

// Names may hold no < > " ': what is left to try is no less strange.
const NAME = "{{7*7}} %3Cimg%20src%3Dx%3E javascript:alert(1) & Co";

story(
  "a DJ who is named to break pages is a name on every page",
  async ({ floor, pika }) => {
    const someone = await signUp(pika, NAME);
    await pika.admin("grant", someone.email, "admin");
    const dj = await Dj.live(pika, NAME, someone.token);
    for (const title of MARKUP) await dj.play(title, { artist: TURNED });
    const phone = await floor.dance(dj.path);
    await phone.hears(MARKUP.at(-1) ?? "");
    await phone.like.click();
    await phone.reads(phone.like, "Tap to undo");
    const poll = await dj.ask(MARKUP[0] ?? "", [...MARKUP]);
    await phone.option(1).click();
    await phone.reads(phone.poll, "counts");

    const shows = async (page: Page, words: string) => {
      await eventually(() => page.locator("body").innerText()).toContain(words);
      expect(await strange(page)).toEqual([]);
      expect(await page.title()).not.toBe("owned");
    };
    const home = await floor.visit("/");
    await shows(home.page, NAME);
    await shows(home.page, MARKUP.at(-1) ?? "");
    await poll.end();
    await dj.end();
    await phone.page.getByTestId("session-ended").waitFor();
    await shows(phone.page, NAME);

    const { page } = await signedIn(floor, someone);
    await shows(page, NAME);
    await page.goto("/admin");
    await page.getByRole("searchbox").fill(someone.email);
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("article").waitFor();
    await shows(page, NAME);
    await page.goto(`${dj.path}/recap`);
    await page.getByRole("heading", { name: "Polls" }).waitFor();
    for (const words of [NAME, ...MARKUP]) await shows(page, words);
    await page.getByRole("link", { name: "More of this DJ" }).click();
    await page.getByRole("heading", { name: "Past sessions" }).waitFor();
    await shows(page, NAME);
    await page.goto("/dj");
    await shows(page, NAME);
    // The figures may be ten seconds old.
    await eventually(async () => {
      await page.goto("/stats");
      await page.locator(".totals").waitFor();
      return page.locator("main").innerText();
    }).toContain(MARKUP.at(-1));
    expect(await strange(page)).toEqual([]);
  },
  60_000,
);

/** Parts of the wall that stand outside it, or over each other. */
function beyond(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const box = (selector: string) => document.querySelector(selector)?.getBoundingClientRect();
    const [poll, said, invite] = [".wall-poll", ".wall-announcement", ".wall-invite"].map(box);
    const parts = [...document.querySelectorAll(".wall-poll > *, .wall-option, .wall-invite > *")];
    const outside = parts.filter((one) => {
      const { top, bottom, right } = one.getBoundingClientRect();
      return top < 0 || bottom > innerHeight || right > innerWidth;
    });
    const found = outside.map((one) => one.outerHTML.slice(0, 80));
    const votes = box(".wall-votes");
    if (said !== undefined && votes !== undefined && votes.bottom > said.top) found.push("votes");
    if (invite !== undefined && poll !== undefined && poll.right > invite.left) found.push("poll");
    return found;
  });
}

/** Elements and addresses that no page of ours has, wherever they came from. */
function strange(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found = [
      ...document.querySelectorAll(
        "body script:not([src^='/assets/']), body img:not([src^='/qr/']), iframe, [onload], [onerror], a[href^='javascript'], a[href*='evil']",
      ),
    ];
    return found.map((one) => one.outerHTML.slice(0, 120));
  });
}
