// Dark or light: chosen in the account, kept on the device, and there before anything is drawn.

import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { faultsOf } from "./support/axe.ts";
import { Booth } from "./support/booth.ts";
import { eventually, type Person } from "./support/dancer.ts";
import { signedIn, signUp } from "./support/people.ts";
import { accountStory as story } from "./support/story.ts";

const NIGHT = "rgb(11, 10, 18)";
const DAY = "rgb(246, 244, 251)";

/** Their device keeps that they chose light pages. */
async function bright(person: Person, more: object = {}): Promise<Person> {
  const look = JSON.stringify({ theme: "light", ...more });
  await person.context.addInitScript((kept) => {
    // A tab's first, empty page keeps nothing.
    if (location.protocol.startsWith("http")) localStorage.setItem("pika.look", kept);
  }, look);
  return person;
}

/** Whether a canvas shows a line of this colour, or one that nobody could tell from it. */
function inked(canvas: Locator, colour: [red: number, green: number, blue: number]) {
  return canvas.evaluate((one: HTMLCanvasElement, wanted) => {
    const pixels = one.getContext("2d")?.getImageData(0, 0, one.width, one.height).data ?? [];
    return Array.from({ length: pixels.length / 4 }, (_, i) => i * 4).some(
      (at) =>
        pixels[at + 3] === 255 &&
        wanted.every((part, i) => Math.abs(part - (pixels[at + i] ?? 0)) < 6),
    );
  }, colour);
}

const ground = (page: Page) =>
  page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

story(
  "light pages are for whoever chooses them, on all their devices",
  async ({ floor, pika }) => {
    const someone = await signUp(pika);
    const { page } = await signedIn(floor, someone, "/account/preferences");
    expect(await ground(page)).toBe(NIGHT);
    const colours = page.getByRole("combobox", { name: "Colours" });
    expect(await colours.inputValue()).toBe("dark");
    const tab = await page.context().newPage();
    await tab.goto("/");
    await colours.selectOption("light");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    expect(await ground(page)).toBe(DAY);
    const bar = () => page.locator("meta[name=theme-color]").getAttribute("content");
    expect(await bar()).toBe("#f6f4fb");
    await eventually(() => ground(tab)).toBe(DAY);

    // Another device is dark until they sign in there, and light from then on.
    const phone = await signedIn(floor, someone);
    await eventually(() => ground(phone.page)).toBe(DAY);

    // What the device says counts for whoever leaves it to the device, also when it changes.
    await colours.selectOption("system");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.getByRole("button", { name: "Save" }).click();
    await eventually(() => ground(page)).toBe(NIGHT);
    await page.emulateMedia({ colorScheme: "light" });
    await eventually(() => ground(page)).toBe(DAY);
    await page.emulateMedia({ colorScheme: "dark" });
    await eventually(() => ground(page)).toBe(NIGHT);
  },
  60_000,
);

story("nobody who chose light sees a dark page first", async ({ floor }) => {
  const person = await floor.person({ colorScheme: "dark" });
  await bright(person, { textSize: 125 });
  const page = await person.context.newPage();
  // The pages' own script never comes: what is there without it is what the first picture shows.
  await page.route("**/assets/index-*.js", () => {});
  let release = () => {};
  const released = new Promise<void>((go) => (release = go));
  await page.route("**/assets/first-look-*.js", (route) => released.then(() => route.continue()));
  const asked = page.waitForRequest(/first-look-/);
  await page.goto("/", { waitUntil: "commit" });
  await asked;
  // As long as the look is on its way there is nothing that could be seen, and it waits for no styles.
  const there = () =>
    page.evaluate(async () => {
      const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
      const some = Promise.all([frame(), frame()]);
      await Promise.race([some, new Promise((late) => setTimeout(late, 500))]);
      return {
        body: document.body !== null,
        paints: performance.getEntriesByType("paint").length,
        styles: document.querySelectorAll("link[rel=stylesheet]").length,
      };
    });
  expect(await there()).toEqual({ body: false, paints: 0, styles: 0 });
  release();
  await eventually(() => there().then(({ body }) => body)).toBe(true);
  await eventually(() => ground(page)).toBe(DAY);
  const size = () => page.evaluate(() => getComputedStyle(document.documentElement).fontSize);
  expect(await size()).toBe("20px");
  expect(await page.locator("#page").innerHTML()).toBe("");
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

story("what is told, and whether tempo is shown, is chosen", async ({ floor, pika, dj }) => {
  await dj.play("Tonight");
  const someone = await signUp(pika);
  const dancer = await signedIn(floor, someone, dj.path);
  const { page } = dancer;
  await dancer.hears("Tonight");
  await page.getByText("104 BPM").waitFor();
  await page.goto("/account/preferences");
  const about = page.getByRole("group", { name: "Tell me about" });
  expect(await about.getByLabel("What DJs announce").isChecked()).toBe(true);
  await about.getByLabel("What DJs announce").uncheck();
  await page.getByLabel("Show beats per minute").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.reload();
  await about.waitFor();
  expect(await about.getByLabel("What DJs announce").isChecked()).toBe(false);
  expect(await page.getByLabel("Show beats per minute").isChecked()).toBe(false);
  await page.goto(dj.path);
  await dancer.hears("Tonight");
  expect(await page.getByText("104 BPM").isVisible()).toBe(false);
});

story(
  "light pages are as easy to read as dark ones",
  async ({ floor, pika, dj }) => {
    await dj.play("One", { key: "Am" });
    await dj.play("Two");
    await dj.announce("Water is at the bar");
    const poll = await dj.ask("Shall we?", ["Yes", "No"]);
    const someone = await signUp(pika);
    const light = (options = {}) => floor.person(options).then(bright);
    const faults: Record<string, string[]> = {};
    const look = async (name: string, page: Page) => {
      expect(await ground(page)).toBe(DAY);
      faults[name] = await faultsOf(page);
    };

    const dancer = await (await light()).open(dj.path);
    await dancer.isConnected();
    await dancer.option(0).click();
    await dancer.reads(dancer.poll, "counts.");
    await dancer.like.click();
    await dancer.wish("faster").click();
    await look("live", dancer.page);
    await dancer.picture("light-live");
    await poll.end();
    await dancer.page.getByTestId("poll-result").waitFor();
    await look("result", dancer.page);
    const home = await (await light()).open("/");
    await home.page.getByRole("link", { name: /DJ Test/ }).waitFor();
    await look("home", home.page);
    await home.picture("light-home");
    const account = await signedIn(floor, someone, "/account/preferences");
    await bright(account.person);
    await account.page.reload();
    for (const part of ["preferences", "security", "tokens", "profile", "data"]) {
      await account.page.goto(`/account/${part}`);
      await account.page.getByRole("main").locator("button").first().waitFor();
      await look(part, account.page);
    }
    await account.picture("light-account");
    const booth = await Booth.guest(floor, "DJ Light");
    await bright(booth.person);
    await booth.page.reload();
    await booth.isLive();
    await booth.paste("The Testers - One\nThe Testers - Two");
    await booth.page.getByTestId("dj-next").click();
    await eventually(() => booth.title.innerText()).toBe("One");
    await look("console", booth.page);
    await booth.picture("light-console");
    await dj.end();
    const recap = await (await light()).open(`${dj.path}/recap`);
    await recap.page.getByRole("region", { name: "Tracks" }).waitFor();
    await look("recap", recap.page);
    // Neither does axe look into a picture, nor do styles reach it.
    const tempo = recap.page.getByRole("img", { name: /104 BPM/ }).locator("canvas");
    await eventually(() => inked(tempo, [0x6a, 0x52, 0x00])).toBe(true);
    expect(await inked(tempo, [0xff, 0xe1, 0x4a])).toBe(false);
    await recap.picture("light-recap");
    expect(faults).toEqual(Object.fromEntries(Object.keys(faults).map((name) => [name, []])));
  },
  90_000,
);
