import { expect } from "vitest";
import { Dancer, eventually } from "./support/dancer.ts";
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
