import { expect } from "vitest";
import { eventually } from "./support/dancer.ts";
import { Dj, Ear } from "./support/dj.ts";
import { story } from "./support/story.ts";

story(
  "an announcement is there for those who come late, until it is put away",
  async ({ floor, dj }) => {
    const early = await floor.dance(dj.path);
    await dj.announce("The lesson starts in the small room");
    await early.reads(
      early.page.getByTestId("announcement"),
      "The lesson starts in the small room",
    );
    const late = await floor.dance(dj.path);
    const banner = late.page.getByTestId("announcement");
    await late.reads(banner, "The lesson starts in the small room");
    await late.reads(banner, /DJ Test · until \d\d:\d\d/);
    await late.picture("announcement");
    await late.page.getByRole("button", { name: "Put the announcement away" }).click();
    await eventually(() => banner.count()).toBe(0);
    await dj.say({ type: "CANCEL_ANNOUNCEMENT" });
    await eventually(() => early.page.getByTestId("announcement").count()).toBe(0);
  },
);

story("dancers are counted, not their tabs", async ({ floor, dj }) => {
  const anna = await floor.dance(dj.path);
  const count = (one: typeof anna) => one.page.getByTestId("listener-count").innerText();
  await eventually(() => count(anna)).toBe("1");
  const tab = await anna.person.open(dj.path);
  await tab.isConnected();
  const ben = await floor.dance(dj.path);
  for (const one of [anna, tab, ben]) await eventually(() => count(one)).toBe("2");
  await tab.page.close();
  const carla = await floor.dance(dj.path);
  for (const one of [anna, ben, carla]) await eventually(() => count(one)).toBe("3");
});

story("thanks are heard by the floor", async ({ floor, dj }) => {
  const anna = await floor.dance(dj.path);
  const ben = await floor.dance(dj.path);
  const thank = anna.page.getByTestId("thanks-button");
  await thank.click();
  await anna.reads(thank, "The DJ heard you");
  await ben.reads(ben.page.locator(".thanks"), "1 thank you from the floor");
});

story("a DJ who lost the connection is missed, and greeted on return", async ({ floor, pika }) => {
  const register = { type: "REGISTER_SESSION", sessionId: "away-and-back", djName: "DJ Away" };
  const booth = await Ear.open(pika);
  booth.say(register);
  await booth.hear("SESSION_REGISTERED");
  booth.leave();
  const dancer = await floor.dance("/s/away-and-back");
  const missed = dancer.page.getByText("The DJ lost the connection and may be back any minute.");
  await missed.waitFor();
  await dancer.picture("dj-away");
  const back = await Ear.open(pika);
  back.say(register);
  await back.hear("SESSION_REGISTERED");
  back.say({
    type: "BROADCAST_TRACK",
    sessionId: "away-and-back",
    track: { title: "Here Again", artist: "The Testers" },
  });
  await dancer.hears("Here Again");
  await eventually(() => missed.count()).toBe(0);
  back.say({ type: "END_SESSION", sessionId: "away-and-back" });
  await dancer.page.getByTestId("session-ended").waitFor();
  back.leave();
});

story("other sessions' music stays in other sessions", async ({ floor, pika, dj }) => {
  await dj.play("Ours");
  const dancer = await floor.dance(dj.path);
  const other = await Dj.live(pika, "DJ Next Door");
  await other.play("Theirs");
  await other.end();
  await dj.play("Ours Again");
  await dancer.hears("Ours Again");
  expect(await dancer.page.locator("main").innerText()).not.toContain("Theirs");
});
