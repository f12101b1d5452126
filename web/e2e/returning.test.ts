import { expect } from "vitest";
import type { Dancer } from "./support/dancer.ts";
import { eventually } from "./support/dancer.ts";
import { story } from "./support/story.ts";

// Everybody stands in the middle of an evening when the server goes: a track liked, a wish made, a vote given.
for (const end of ["terminate", "kill"] as const) {
  story(
    `after the server's ${end} the page comes back by itself, and nothing doubles`,
    async ({ floor, pika, dj }) => {
      await dj.play("Before One");
      await dj.play("Before Two");
      const poll = await dj.ask("Go on?", ["Yes", "No"]);
      await dj.announce("We dance until two");
      const anna = await floor.dance(dj.path);
      const ben = await floor.dance(dj.path);
      await anna.like.click();
      await anna.reads(anna.like, "Tap to undo");
      await anna.wish("faster").click();
      await ben.reads(ben.wish("faster"), "1");
      await anna.option(0).click();
      await anna.reads(anna.poll, "Your vote for “Yes” counts.");
      await ben.reads(ben.poll, "1 vote");

      const clean = await pika[end]();
      if (end === "terminate") expect(clean).toBe(true);
      for (const dancer of [anna, ben]) {
        await dancer.isCutOff();
        await dancer.shows(dancer.page.locator(".live"), "data-stale", "true");
        await dancer.page.getByRole("region", { name: "Last heard" }).waitFor();
      }
      await anna.picture(`reconnecting-after-${end}`);
      // A like in the dark waits for the server.
      await ben.like.click();
      await ben.reads(ben.like, "Kept on this phone");
      await pika.restart();
      for (const dancer of [anna, ben]) {
        await dancer.isConnected();
        await dancer.shows(dancer.page.locator(".live"), "data-stale", "false");
        await dancer.hears("Before Two");
        await dancer.reads(dancer.page.getByTestId("announcement"), "We dance until two");
      }

      await anna.pressed(anna.option(0), true);
      await anna.pressed(anna.like, true);
      await anna.reads(anna.poll, "1 vote");
      await ben.option(0).click();
      await ben.reads(ben.poll, "Your vote for “Yes” counts.");
      await anna.reads(anna.poll, "2 votes");
      await eventually(dj.likes).toEqual({ "Before One": 0, "Before Two": 2 });
      await eventually(() => earlier(anna)).toEqual(["Before One"]);

      await dj.play("After");
      await anna.hears("After");
      await eventually(() => earlier(anna)).toEqual(["Before Two", "Before One"]);
      await poll.end();
      for (const dancer of [anna, ben]) {
        await dancer.reads(dancer.page.getByTestId("poll-result"), "Yes wins.");
        await dancer.reads(dancer.poll, "2 votes");
      }
      expect(await dj.likes()).toEqual({ "Before One": 0, "Before Two": 2, After: 0 });
    },
    60_000,
  );
}

function earlier(dancer: Dancer): Promise<string[]> {
  return dancer.page.getByRole("region", { name: "Earlier" }).locator(".row-title").allInnerTexts();
}
