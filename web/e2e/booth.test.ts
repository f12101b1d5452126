import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import { account, BEAMER, Booth } from "./support/booth.ts";
import { eventually, PHONE } from "./support/dancer.ts";
import { SAMPLE } from "./support/parts.ts";
import { story } from "./support/story.ts";

story(
  "a DJ, two phones and a wall live through an evening, its poll, a dead server and a dead spot",
  async ({ floor, pika }) => {
    // The DJ signs in and goes live.
    const { email, password } = await account(pika, "DJ Ada Live");
    const dj = await Booth.open(floor);
    await dj.page.getByLabel("Email").fill(email);
    await dj.page.getByLabel("Password").fill("not this one");
    await dj.page.getByRole("button", { name: "Sign in" }).click();
    await dj.page.getByText("do not belong together").waitFor();
    await dj.picture("dj-door");
    await dj.page.getByLabel("Password").fill(password);
    await dj.page.getByRole("button", { name: "Sign in" }).click();
    await dj.page.getByText("Signed in as DJ Ada Live").waitFor();
    await dj.page.getByRole("button", { name: "Go live" }).click();
    await dj.isLive();
    const floorPath = await dj.floorPath();
    const wall = await floor.visit(await dj.wallPath(), BEAMER);
    const code = await dj.page.getByTestId("dj-code").innerText();
    await eventually(() => wall.page.getByTestId("wall-code").innerText()).toContain(code);

    // The phones come by the code on the wall.
    const anna = await floor.visit(`/j/${code}`);
    const ben = await floor.visit(`/j/${code}`);
    for (const dancer of [anna, ben]) await dancer.isConnected();
    expect(new URL(anna.page.url()).pathname).toBe(floorPath);
    await eventually(() => dj.page.getByTestId("dj-listeners").innerText()).toBe("3");

    // A pasted list, then by hand.
    await dj.paste("Prince - Kiss\nRay Charles - Mess Around");
    await dj.page.getByTestId("dj-next").click();
    for (const dancer of [anna, ben]) await dancer.hears("Kiss");
    const wallTitle = wall.page.getByTestId("wall-title");
    await eventually(() => wallTitle.innerText()).toBe("Kiss");
    await anna.like.click();
    await ben.like.click();
    await anna.wish("faster").click();
    await eventually(() => dj.page.getByTestId("dj-track-likes").innerText()).toContain("2 likes");
    await eventually(() => dj.page.getByTestId("dj-likes").innerText()).toBe("2");
    await dj.page.getByRole("img", { name: "Tempo: 0 slower, 0 perfect, 1 faster" }).waitFor();

    await wall.picture("wall-playing");
    // A poll from a template: the wall keeps its results until the DJ shows them.
    const polls = dj.page.getByRole("region", { name: "Poll" });
    await polls.getByRole("button", { name: "Next style" }).click();
    await polls.getByLabel("It lasts").selectOption({ label: "until I end it" });
    await polls.getByRole("button", { name: "Start the poll" }).click();
    await anna.poll.waitFor();
    expect(await anna.option(1).innerText()).not.toContain("%");
    await anna.option(1).click();
    await anna.reads(anna.poll, "Your vote for “Soul” counts.");
    await anna.reads(anna.option(1), "100 %");
    await ben.reads(ben.poll, "1 vote");
    expect(await ben.option(1).innerText()).not.toContain("%");
    const wallPoll = wall.page.getByTestId("wall-poll");
    await eventually(() => wallPoll.innerText()).toContain("results at the end");
    await wall.picture("wall-poll-hidden");

    // The server dies in the middle of it, and everybody comes back by themselves.
    await pika.kill();
    await dj.isCutOff();
    await wall.shows(dj.page.locator(".desk"), "data-stale", "true");
    await wall.shows(wall.page.getByTestId("projector"), "data-stale", "true");
    await anna.shows(anna.page.getByTestId("trouble"), "data-kind", "server");
    await dj.play("Played into the dark", "Nobody Heard");
    await dj.page.getByText("1 word to send").waitFor();
    await dj.picture("dj-cut-off");
    await pika.restart();
    await dj.isLive();
    await wall.shows(dj.page.locator(".desk"), "data-stale", "false");
    for (const dancer of [anna, ben]) {
      await dancer.isConnected();
      await dancer.hears("Played into the dark");
      await dancer.shows(dancer.page.getByTestId("trouble"), "data-kind", "none");
    }
    await wall.shows(wall.page.getByTestId("projector"), "data-stale", "false");
    await anna.pressed(anna.option(1), true);
    await ben.option(1).click();
    await ben.reads(ben.poll, "2 votes");
    await polls.getByRole("button", { name: "End the poll" }).click();
    for (const dancer of [anna, ben]) {
      await dancer.reads(dancer.page.getByTestId("poll-result"), "Soul wins.");
    }
    await eventually(() => wallPoll.innerText()).toMatch(/Soul\s*100 %/);
    await wall.picture("wall-poll-result");

    // The DJ's own dead spot: what is played is kept, in order.
    await dj.person.context.setOffline(true);
    await dj.isCutOff();
    await dj.play("First of two");
    await dj.play("Second of two");
    await dj.page.getByText("2 words to send").waitFor();
    await dj.person.context.setOffline(false);
    await dj.isLive();
    for (const dancer of [anna, ben]) await dancer.hears("Second of two");

    // Announced, taken back, ended: asked about, undone, and then meant.
    const announce = dj.page.getByRole("region", { name: "Announcement" });
    await announce.getByRole("textbox").fill("Water is at the bar");
    await announce.getByRole("button", { name: "Announce", exact: true }).click();
    await anna.reads(anna.page.getByTestId("announcement"), "Water is at the bar");
    await eventually(() => wall.page.getByText("Water is at the bar").count()).toBe(1);
    await anna.picture("evening-phone");
    await wall.picture("wall-announcement");
    await dj.picture("dj-console");
    await announce.getByRole("button", { name: "Take the announcement back" }).click();
    await eventually(() => anna.page.getByTestId("announcement").count()).toBe(0);
    await dj.page.getByRole("button", { name: "End the session" }).click();
    await dj.page.getByRole("button", { name: "Yes, end it" }).click();
    await dj.page.getByText("Ending in").waitFor();
    await dj.page.getByRole("button", { name: "Undo" }).click();
    await dj.page.getByRole("button", { name: "End the session" }).click();
    await dj.page.getByRole("button", { name: "Yes, end it" }).click();
    for (const page of [dj.page, anna.page, ben.page]) {
      await page.getByTestId("session-ended").waitFor();
    }
    await wall.page.getByTestId("wall-over").waitFor();
    await wall.picture("wall-over");
    await anna.page.getByRole("link", { name: "See the recap" }).click();
    const rows = anna.page.getByRole("region", { name: "Tracks" }).locator(".row-title");
    await rows.first().waitFor();
    expect(await rows.allInnerTexts()).toEqual([
      "Kiss",
      "Played into the dark",
      "First of two",
      "Second of two",
    ]);

    // One's own likes of it.
    const likes = await ben.person.open("/likes");
    await eventually(() => likes.page.locator(".own-like").allInnerTexts()).toHaveLength(1);
    await likes.reads(likes.page.locator(".own-like"), "Kiss");
    await likes.picture("likes");
  },
  90_000,
);

story("a dropped history is played from, over a reload too", async ({ floor }) => {
  const dj = await Booth.guest(floor, "DJ Drop");
  const text = await readFile(SAMPLE, "utf8");
  const dropped = await dj.page.evaluateHandle((words) => {
    const data = new DataTransfer();
    data.items.add(new File([words], "2026-01-24.m3u", { type: "audio/x-mpegurl" }));
    return data;
  }, text);
  await dj.page.getByTestId("dj-drop").dispatchEvent("drop", { dataTransfer: dropped });
  await eventually(() => dj.page.getByTestId("dj-list-note").innerText()).toBe(
    "40 tracks taken over",
  );
  await dj.page.getByTestId("dj-next").click();
  await eventually(() => dj.title.innerText()).toBe("Rolling in the Deep");
  await dj.picture("dj-list");
  await dj.page.reload();
  await dj.isLive();
  await eventually(() => dj.title.innerText()).toBe("Rolling in the Deep");
  await eventually(() => dj.page.getByTestId("dj-next").innerText()).toContain("Shape of You");
  await dj.page.getByRole("button", { name: "Empty the list" }).click();
  await eventually(() => dj.page.locator(".desk-track").count()).toBe(0);
  await dj.page.getByRole("button", { name: "Undo" }).click();
  await eventually(() => dj.page.locator(".desk-track").count()).toBe(40);
});

story("a phone becomes the remote, and its secret stays out of the address", async ({ floor }) => {
  const desk = await Booth.guest(floor, "DJ Remote");
  await desk.page.getByRole("button", { name: "Show the remote’s code" }).click();
  const link = (await desk.page.getByTestId("dj-remote").getAttribute("href")) ?? "";
  const person = await floor.person(PHONE);
  const { page } = await person.open(link);
  const remote = new Booth(person, page);
  await remote.isLive();
  expect(new URL(page.url()).hash).toBe("");
  await remote.play("From the middle of the floor", "The Remotes", "104");
  await eventually(() => desk.title.innerText()).toBe("From the middle of the floor");
  await remote.picture("dj-remote");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide).toBeLessThanOrEqual(PHONE.viewport.width);
  // The desk goes, and the session has its DJ still.
  await desk.person.context.close();
  await remote.play("Still here");
  const dancer = await floor.dance(await remote.floorPath());
  await dancer.hears("Still here");
});

story("the floor over an hour is drawn, once there is something to draw", async ({ floor }) => {
  const person = await floor.person({ viewport: { width: 1280, height: 900 }, isMobile: false });
  const asked: string[] = [];
  person.context.on("request", (request) => asked.push(request.url()));
  const { page } = await person.open("/dj");
  await page.getByText("Without an account").click();
  await page.getByLabel("Your name, as dancers see it").fill("DJ Chart");
  await page.getByRole("button", { name: "Go live" }).click();
  const dj = new Booth(person, page);
  await dj.isLive();
  await dj.play("The one that is drawn");
  await eventually(() => dj.title.innerText()).toBe("The one that is drawn");
  expect(asked.filter((url) => /chart/.test(url))).toEqual([]);
  const session = (await dj.wallPath()).slice(3);
  // An evening that this device has lived through already.
  await page.evaluate((sessionId) => {
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    const rows = Array.from({ length: 60 }, (_, i) => {
      const wave = Math.sin(i / 6);
      return [now - (60 - i) * 60_000, Math.round(12 + 10 * wave), 40 + i, Math.round(60 * wave)];
    });
    localStorage.setItem("pika.dj.crowd", JSON.stringify({ sessionId, rows }));
  }, session);
  await page.reload();
  await dj.isLive();
  await page.locator("[data-testid=dj-chart] canvas").waitFor();
  expect(asked.filter((url) => /chart/.test(url)).length).toBeGreaterThan(0);
  const label = await page.getByTestId("dj-chart").getAttribute("aria-label");
  expect(label).toMatch(/over 6\d minutes; at most 22 likes a minute/);
  await dj.picture("dj-chart");
});
