import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import type { Page } from "playwright-core";
import { eventually } from "./support/dancer.ts";
import { Dj } from "./support/dj.ts";
import { signedIn, signUp } from "./support/people.ts";
import { accountStory as story } from "./support/story.ts";

const HOSTILE = [
  '<img src=x onerror="alert(1)">',
  "</script><script>alert(1)</script>",
  "=HYPERLINK(1)",
  "\u202Eright to left",
  "{{7*7}} ${7*7} %00",
];

async function taken(page: Page, name: string): Promise<{ name: string; text: string }> {
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name }).click();
  const file = await download;
  return {
    name: file.suggestedFilename(),
    text: await readFile((await file.path()) ?? "", "utf8"),
  };
}

story(
  "an evening is looked back on: curves, polls for its owner, files and a picture",
  async ({ floor, pika }) => {
    const someone = await signUp(pika, "DJ Recap");
    const dj = await Dj.live(pika, "DJ Recap", someone.token);
    const dancer = await floor.dance(dj.path);
    for (const [i, title] of ["Opening", ...HOSTILE].entries()) {
      await dj.play(title, { artist: i === 0 ? "The Testers" : title, bpm: 90 + i * 4, key: "Am" });
    }
    await dancer.like.waitFor();
    await dancer.like.click();
    await dancer.reads(dancer.like, "undo");
    await dancer.wish("faster").click();
    await dancer.reads(dancer.wish("faster"), "1");
    const poll = await dj.ask(HOSTILE[0] ?? "", ["Blues", HOSTILE[1] ?? ""]);
    await dancer.option(0).click();
    await dancer.reads(dancer.poll, "counts");
    await poll.end();
    await eventually(async () => Object.values(await dj.likes()).reduce((a, b) => a + b, 0)).toBe(
      1,
    );
    await dj.end();

    const stranger = await floor.visit(`${dj.path}/recap`);
    await stranger.page.getByRole("heading", { name: "DJ Recap" }).waitFor();
    expect(await stranger.page.getByRole("heading", { name: "Polls" }).count()).toBe(0);
    expect(await stranger.page.getByRole("link", { name: "Polls as CSV" }).count()).toBe(0);

    const owner = await signedIn(floor, someone, `${dj.path}/recap`);
    const { page } = owner;
    await page.getByRole("heading", { name: "Polls" }).waitFor();
    const curves = page.getByRole("region", { name: "Over the evening" });
    await curves
      .getByRole("img", { name: /1 like in the end/ })
      .locator("canvas")
      .waitFor();
    await curves
      .getByRole("img", { name: /from 90 to 110 BPM/ })
      .locator("canvas")
      .waitFor();
    await curves
      .getByRole("img", { name: /0 slower, 1 faster/ })
      .locator("canvas")
      .waitFor();

    const csv = await taken(page, "Tracks as CSV");
    expect(csv.name).toBe(`pika-${dj.session}.csv`);
    expect(csv.text.split("\r\n")).toHaveLength(HOSTILE.length + 3);
    expect(csv.text).toContain("'=HYPERLINK(1)");
    const json = await taken(page, "All as JSON");
    expect(json.name).toBe(`pika-${dj.session}.json`);
    expect((JSON.parse(json.text) as { tracks: { title: string }[] }).tracks[1]?.title).toBe(
      HOSTILE[0],
    );
    const polls = await taken(page, "Polls as CSV");
    expect(polls.name).toBe(`pika-${dj.session}-polls.csv`);
    expect(polls.text).toMatch(/,Blues,1,true\r\n/);

    await page.getByRole("button", { name: "Make a picture" }).click();
    const canvas = page.getByRole("img", { name: /A picture of the evening/ });
    const painted = () =>
      canvas.evaluate((one) => {
        const pen = (one as HTMLCanvasElement).getContext("2d");
        return [...(pen?.getImageData(10, 5, 1, 1).data ?? [])].join();
      });
    await eventually(painted).toBe("255,225,74,255");
    await owner.picture("recap-owner");
    const picture = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save the picture" }).click();
    expect((await picture).suggestedFilename()).toBe(`pika-${dj.session}.png`);
    expect((await readFile((await (await picture).path()) ?? "")).subarray(1, 4).toString()).toBe(
      "PNG",
    );

    // On paper: dark words on white, and nothing to press.
    await page.emulateMedia({ media: "print" });
    expect(await page.getByRole("region", { name: "Take it along" }).count()).toBe(0);
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).color)).toBe(
      "rgb(0, 0, 0)",
    );
  },
);

story(
  "a DJ's page tells what the DJ tells, shows past evenings, and runs nothing",
  async ({ floor, pika }) => {
    const someone = await signUp(pika, "DJ Profile");
    const { page, ...self } = await signedIn(floor, someone, "/account/profile");
    const bio = `Blues first. ${HOSTILE.join(" ")}`;
    await page.getByLabel("About you").fill(bio);
    await page.getByLabel("Genres").fill("Blues, <script>");
    await page.getByLabel("Website").fill("https://dj.example.org");
    await page.getByLabel("Mixcloud").fill("https://mixcloud.example.org/dj");
    await page.getByLabel("Address of a picture").fill("https://dj.example.invalid/me.jpg");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    await self.person.context.pages()[0]?.evaluate(() => scrollTo(0, 0));
    await page.getByLabel("Website").fill("http://nothing");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("An address on the web begins with https://").waitFor();

    const dj = await Dj.live(pika, "DJ Profile", someone.token);
    await dj.play("One");
    await eventually(dj.likes).toEqual({ One: 0 });
    await dj.end();
    await eventually(async () => {
      const found = await pika.get<{ sessions: unknown[] }>("/api/dj/dj-profile");
      return found?.sessions.length;
    }).toBe(1);
    const visitor = await floor.visit("/dj/dj-profile");
    await visitor.page.getByRole("heading", { name: "DJ Profile" }).waitFor();
    await visitor.reads(visitor.page.locator(".bio"), '<img src=x onerror="alert(1)">');
    const website = visitor.page.getByRole("link", { name: "Website" });
    expect(await website.getAttribute("rel")).toContain("noopener");
    // The picture does not come: the first letter stands there.
    await visitor.reads(visitor.page.locator(".avatar"), "P");
    await visitor.picture("dj-page");
    await visitor.page.getByRole("link", { name: /1 track/ }).click();
    await visitor.page.getByText("One").waitFor();
    await visitor.page.getByRole("link", { name: "More of this DJ" }).click();
    await visitor.page.getByRole("heading", { name: "Past sessions" }).waitFor();

    const nobody = await floor.visit("/dj/nobody-of-that-name");
    await nobody.page.getByRole("heading", { name: "No DJ has this name" }).waitFor();
    const stats = await floor.visit("/stats");
    await stats.page.getByRole("heading", { name: "Most liked tracks" }).waitFor();
  },
);
