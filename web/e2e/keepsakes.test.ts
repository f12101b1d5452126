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

/** Words, paper, and the bars of a poll, of which one won. */
function ink(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const style = (part: string, pseudo?: string) => {
      const one = document.querySelector(part);
      if (one === null) throw new Error(`there is no ${part}`);
      return getComputedStyle(one, pseudo);
    };
    return [
      style("html").color,
      style("html").backgroundColor,
      style(".option:not(.winner)", "::before").backgroundColor,
      style(".option.winner", "::before").backgroundColor,
      style(".chart .bar").fill,
    ];
  });
}

interface Shared {
  name: string;
  type: string;
  title: string;
  size: string;
}

/** A system with a sheet to share files with, as phones have it; its owner puts it away each time. */
async function sheetOf(page: Page): Promise<Shared[]> {
  const shared: Shared[] = [];
  await page.exposeFunction("pikaShared", (one: Shared) => void shared.push(one));
  await page.addInitScript(() => {
    navigator.canShare = () => true;
    navigator.share = async ({ files = [], title = "" } = {}) => {
      const [file] = files;
      if (file === undefined) throw new TypeError("nothing to share");
      const { width, height } = await createImageBitmap(file);
      const told = { name: file.name, type: file.type, title, size: `${width}x${height}` };
      await (window as unknown as { pikaShared(one: object): Promise<void> }).pikaShared(told);
      throw new DOMException("put away", "AbortError");
    };
  });
  return shared;
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

    const owner = await signedIn(floor, someone);
    const { page } = owner;
    const shared = await sheetOf(page);
    await page.goto(`${dj.path}/recap`);
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

    // The system's own sheet is given the same picture, and whoever puts it away has met no error.
    await page.getByRole("button", { name: "Share it" }).click();
    await eventually(() => shared.length).toBe(1);
    expect(shared[0]).toEqual({
      name: `pika-${dj.session}.png`,
      type: "image/png",
      title: expect.stringContaining("DJ Recap") as string,
      size: "1080x1350",
    });

    // On paper: dark words on white, and nothing to press.
    await page.emulateMedia({ media: "print" });
    expect(await page.getByRole("region", { name: "Take it along" }).count()).toBe(0);
    const printed = await ink(page);
    expect(printed.slice(0, 2)).toEqual(["rgb(0, 0, 0)", "rgb(255, 255, 255)"]);
    const paper = (await page.pdf({ format: "A4" })).toString("latin1");
    expect(paper.slice(0, 5)).toBe("%PDF-");
    // Six tracks and a poll are no reason to print a third sheet.
    expect(paper.match(/\/Type \/Page\b/g)?.length).toBeLessThanOrEqual(2);
    // Paper is the same for whoever reads light pages.
    await page.evaluate(() => localStorage.setItem("pika.look", '{"theme":"light"}'));
    await page.reload();
    await page.getByRole("heading", { name: "Polls" }).waitFor();
    expect(await ink(page)).toEqual(printed);
    await page.emulateMedia({ media: "screen" });
    expect(await ink(page)).not.toEqual(printed);
  },
);

story("what was liked stands in the figures over all evenings", async ({ floor, pika }) => {
  const before = await pika.get<Record<string, number>>("/api/stats/global");
  const dj = await Dj.live(pika, "DJ Figures");
  await dj.play("Most Loved Of All");
  const people = await Promise.all([0, 1].map(() => floor.dance(dj.path)));
  for (const one of people) {
    await one.hears("Most Loved Of All");
    await one.like.click();
  }
  await eventually(dj.likes).toEqual({ "Most Loved Of All": 2 });
  await dj.end();
  const stats = await floor.visit("/stats");
  const row = stats.page.getByRole("listitem").filter({ hasText: "Most Loved Of All" });
  const total = (name: string) =>
    stats.page.locator(".totals div").filter({ hasText: name }).locator("dd").innerText();
  // The figures may be ten seconds old.
  await eventually(async () => {
    await stats.page.reload();
    await stats.page.locator(".totals").waitFor();
    return Promise.all([row.count(), total("Likes"), total("Tracks played"), total("Sessions")]);
  }).toEqual([
    1,
    String((before?.totalLikes ?? 0) + 2),
    String((before?.totalTracks ?? 0) + 1),
    String((before?.totalSessions ?? 0) + 1),
  ]);
  expect(await row.innerText()).toContain("2 likes");
});

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
