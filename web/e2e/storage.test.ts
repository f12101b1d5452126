// A phone in private mode, a full one, or one that was told to keep nothing: the pages forget, and work.

import { expect } from "vitest";
import { Booth, LAPTOP } from "./support/booth.ts";
import { eventually, type Floor, type Person } from "./support/dancer.ts";
import { story } from "./support/story.ts";

const KINDS = {
  blocked: () => {
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("The operation is insecure.", "SecurityError");
      },
    });
  },
  full: () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
    };
  },
};

for (const [kind, spoil] of Object.entries(KINDS)) {
  const person = async (floor: Floor, options = {}): Promise<Person> => {
    const one = await floor.person(options);
    await one.context.addInitScript(spoil);
    return one;
  };

  story(
    `with ${kind} storage somebody joins, likes, votes and speaks Polish`,
    async ({ floor, dj }) => {
      await dj.play("Forgetful");
      await dj.ask("Shall we?", ["Yes", "No"]);
      const dancer = await (await person(floor)).open("/");
      await dancer.page.getByRole("button", { name: "Polski" }).click();
      await dancer.page.getByRole("link", { name: "Moje polubienia" }).waitFor();
      await dancer.page.getByRole("button", { name: "English" }).click();
      await dancer.page.getByRole("link", { name: /DJ Test/ }).click();
      await dancer.isConnected();
      await dancer.hears("Forgetful");
      await dancer.like.click();
      await dancer.reads(dancer.like, "Tap to undo");
      await dancer.option(0).click();
      await dancer.reads(dancer.poll, "Your vote for “Yes” counts.");
      await eventually(dj.likes).toEqual({ Forgetful: 1 });
      // What was given in a dead spot is kept as long as the page is open.
      await dj.play("In the dark");
      await dancer.hears("In the dark");
      await dancer.person.context.setOffline(true);
      await dancer.isCutOff();
      await dancer.like.click();
      await dancer.person.context.setOffline(false);
      await eventually(dj.likes).toEqual({ Forgetful: 1, "In the dark": 1 });
      expect(dancer.person.faults).toEqual([]);
    },
  );

  story(`with ${kind} storage a DJ goes live, plays, asks and ends`, async ({ floor }) => {
    const one = await person(floor, LAPTOP);
    const { page } = await one.open("/dj");
    const booth = new Booth(one, page);
    await booth.goesLive(`DJ ${kind}`);
    await booth.paste("Prince - Kiss\nRay Charles - Mess Around");
    await page.getByTestId("dj-next").click();
    const dancer = await floor.dance(await booth.floorPath());
    await dancer.hears("Kiss");
    await booth.play("By hand");
    await dancer.hears("By hand");
    const polls = page.getByRole("region", { name: "Poll" });
    await polls.getByLabel("Only I see the results until the end").check();
    await polls.getByRole("button", { name: "Next style" }).click();
    await polls.getByRole("button", { name: "Start the poll" }).click();
    await dancer.poll.waitFor();
    await page.getByRole("button", { name: "End the session" }).click();
    await page.getByRole("button", { name: "Yes, end it" }).click();
    await page.getByTestId("session-ended").waitFor();
    expect(one.faults).toEqual([]);
  });
}
