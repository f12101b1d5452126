import { expect } from "vitest";
import { BEAMER, Booth } from "./support/booth.ts";
import { Dancer, eventually } from "./support/dancer.ts";
import { Ear } from "./support/dj.ts";
import { story } from "./support/story.ts";

const QUESTION = "What shall we dance next?";
const OPTIONS = ["Blues", "Soul", "Something slow"];

story(
  "a vote counts, is remembered over a reload, and the result is told",
  async ({ floor, dj }) => {
    await dj.play("Prelude");
    const anna = await floor.dance(dj.path);
    const ben = await floor.dance(dj.path);
    const poll = await dj.ask(QUESTION, OPTIONS);
    await anna.reads(anna.poll, QUESTION);
    await anna.option(1).click();
    await anna.reads(anna.poll, "Your vote for “Soul” counts.");
    await anna.picture("poll-voted");
    await ben.option(1).click();
    await ben.reads(ben.poll, "2 votes");

    await anna.page.reload();
    await anna.pressed(anna.option(1), true);
    await anna.reads(anna.option(1), "Your vote");
    await anna.reads(anna.option(1), "100 %");
    await anna.shows(anna.option(0), "aria-disabled", "true");

    await poll.end();
    for (const dancer of [anna, ben]) {
      await dancer.reads(dancer.page.getByTestId("poll-result"), "Soul wins.");
      await dancer.reads(dancer.poll, "2 votes");
    }
    await anna.picture("poll-result");
    await anna.page.getByRole("button", { name: "Put away" }).click();
    await eventually(() => anna.poll.count()).toBe(0);
  },
);

story("a poll that hides its results tells them to nobody but its DJ", async ({ floor, pika }) => {
  const booth = await Booth.guest(floor, "DJ Secret");
  const polls = booth.page.getByRole("region", { name: "Poll" });
  await polls.getByRole("button", { name: "Next style" }).click();
  await polls.getByLabel("It lasts").selectOption({ label: "until I end it" });
  await polls.getByLabel("Only I see the results until the end").check();
  await polls.getByRole("button", { name: "Start the poll" }).click();
  const path = await booth.floorPath();
  const anna = await floor.dance(path);
  const wall = await floor.visit(`${path.replace("/s/", "/p/")}?results=live`, BEAMER);
  const ear = await Ear.open(pika);
  ear.say({ type: "SUBSCRIBE", sessionId: path.slice(3) });
  const { pollId, options, ...started } = await ear.hear("POLL_STARTED");
  expect(started).toMatchObject({ hideResults: true });
  expect(started).not.toHaveProperty("votes");
  expect(started).not.toHaveProperty("totalVotes");

  ear.say({ type: "VOTE_ON_POLL", pollId, optionIndex: 1, clientId: "somebody-else" });
  // A number for each option, as clients of before expect it, and none of them tells anything.
  const none = (options as string[]).map(() => 0);
  expect(await ear.hear("VOTE_CONFIRMED")).toMatchObject({ votes: none, totalVotes: 0 });
  await anna.option(1).click();
  await anna.reads(anna.poll, "Your vote for “Soul” counts.");
  await eventually(() => polls.innerText()).toContain("2 votes · only you see this");
  await anna.reads(anna.poll, "Results at the end");
  expect(await anna.poll.innerText()).not.toMatch(/%|\d+ votes?/);
  const wallPoll = wall.page.getByTestId("wall-poll");
  await eventually(() => wallPoll.innerText()).toContain("results at the end");
  expect(await wallPoll.innerText()).not.toMatch(/%|\d+ votes?/);
  // A console that was closed knows it again.
  await booth.page.reload();
  await booth.isLive();
  await eventually(() => polls.innerText()).toContain("2 votes · only you see this");
  expect(ear.unheard("POLL_UPDATE")).toEqual([]);

  await polls.getByRole("button", { name: "End the poll" }).click();
  await anna.reads(anna.page.getByTestId("poll-result"), "Soul wins.");
  await anna.reads(anna.poll, "2 votes");
  await eventually(() => wallPoll.innerText()).toMatch(/Soul\s*100 %/);
  const results = none.map((_, place) => (place === 1 ? 2 : 0));
  expect(await ear.hear("POLL_ENDED")).toMatchObject({ results, totalVotes: 2 });
  expect(ear.unheard("POLL_UPDATE")).toEqual([]);
  ear.leave();
});

story("a wall of another browser shows the bars when its link says so", async ({ floor }) => {
  const booth = await Booth.guest(floor, "DJ Bars");
  const { page } = booth;
  await page.getByLabel("Show results on the projector while voting").check();
  const link = page.getByRole("link", { name: "Open the projector" });
  await eventually(() => link.getAttribute("href")).toContain("?results=live");
  const wall = await floor.visit(await booth.wallPath(), BEAMER);
  const anna = await floor.dance(await booth.floorPath());
  const polls = page.getByRole("region", { name: "Poll" });
  await polls.getByRole("button", { name: "Next style" }).click();
  await polls.getByRole("button", { name: "Start the poll" }).click();
  await anna.option(1).click();
  const wallPoll = wall.page.getByTestId("wall-poll");
  await eventually(() => wallPoll.innerText()).toMatch(/Soul\s*100 %/);
  expect(await wallPoll.innerText()).not.toContain("wins");
});

story("one person has one vote, and is told so in words", async ({ floor, dj }) => {
  const poll = await dj.ask(QUESTION, OPTIONS);
  const tab = await floor.dance(dj.path);
  await tab.reads(tab.poll, "0 votes");
  // The second tab never hears of the first one's vote before its own: as a second device of one person in a tunnel.
  const other = await deaf(tab);
  await tab.option(0).click();
  await tab.reads(tab.poll, "Your vote for “Blues” counts.");
  await other.option(2).click();
  await other.reads(other.poll, "You had voted already, and that vote stands.");
  await other.picture("poll-rejected");
  await tab.reads(tab.poll, "1 vote");
  await poll.end();
  await tab.reads(tab.page.getByTestId("poll-result"), "Blues wins.");
});

story(
  "a countdown follows the server's clock, and the poll closes by itself",
  async ({ floor, dj }) => {
    await dj.ask(QUESTION, OPTIONS, { durationSeconds: 30 });
    const late = await shifted(7 * 60_000);
    const early = await shifted(-7 * 60_000);
    for (const dancer of [late, early]) {
      const countdown = dancer.page.getByTestId("poll-countdown");
      await dancer.reads(countdown, /0:[12]\d|0:30/);
      await dancer.picture(dancer === late ? "poll-countdown-late" : "poll-countdown-early");
    }
    const [left, right] = await Promise.all([late, early].map(secondsLeft));
    expect(Math.abs((left ?? 0) - (right ?? 99))).toBeLessThanOrEqual(1);
    await late.option(1).click();
    for (const dancer of [late, early]) {
      const result = dancer.page.getByTestId("poll-result");
      await eventually(() => result.innerText(), 40_000).toBe("Soul wins.");
    }

    async function shifted(byMs: number): Promise<Dancer> {
      const person = await floor.person();
      await person.context.addInitScript((ms) => {
        const now = Date.now.bind(Date);
        Date.now = () => now() + ms;
      }, byMs);
      const dancer = await person.open(dj.path);
      await dancer.isConnected();
      return dancer;
    }
  },
  60_000,
);

async function secondsLeft(dancer: Dancer): Promise<number> {
  const words = await dancer.page.getByTestId("poll-countdown").innerText();
  const [, minutes, seconds] = /(\d+):(\d\d)/.exec(words) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}

/** One more tab of this person, which hears no verdicts and tallies until it has voted itself. */
async function deaf(tab: Dancer): Promise<Dancer> {
  const path = new URL(tab.page.url()).pathname;
  let voted = false;
  const page = await tab.person.context.newPage();
  await page.routeWebSocket(/\/ws$/, (phone) => {
    const server = phone.connectToServer();
    phone.onMessage((message) => {
      voted ||= String(message).includes("VOTE_ON_POLL");
      server.send(message);
    });
    server.onMessage((message) => {
      if (voted || !/VOTE_|POLL_UPDATE/.test(String(message))) phone.send(message);
    });
  });
  await page.goto(path);
  const dancer = new Dancer(tab.person, page);
  await dancer.isConnected();
  await dancer.reads(dancer.poll, "0 votes");
  return dancer;
}
