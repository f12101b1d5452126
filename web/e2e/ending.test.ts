import { expect } from "vitest";
import { eventually } from "./support/dancer.ts";
import { story } from "./support/story.ts";

story("the end is told, and the recap shows what was played and loved", async ({ floor, dj }) => {
  const anna = await floor.dance(dj.path);
  const ben = await floor.dance(dj.path);
  for (const title of ["Opening", "The Favourite", "Closing"]) {
    await dj.play(title, { key: "Am" });
    for (const dancer of [anna, ben]) await dancer.hears(title);
    if (title === "Closing") await ben.wish("perfect").click();
    if (title === "Opening") continue;
    await anna.like.click();
    await anna.reads(anna.like, "Tap to undo");
    if (title === "Closing") continue;
    await ben.like.click();
    await ben.reads(ben.like, "undo");
  }
  await ben.reads(ben.wish("perfect"), "1");
  await eventually(dj.likes).toEqual({ Opening: 0, "The Favourite": 2, Closing: 1 });
  await dj.end();
  for (const dancer of [anna, ben]) {
    await dancer.reads(
      dancer.page.getByTestId("session-ended"),
      "The session of DJ Test has ended.",
    );
  }
  await anna.picture("ended");

  const { page } = anna;
  await page.getByRole("link", { name: "See the recap" }).click();
  await page.getByRole("heading", { name: "DJ Test" }).waitFor();
  expect(new URL(page.url()).pathname).toBe(`${dj.path}/recap`);
  await anna.reads(page.locator(".sums"), "3 tracks");
  await anna.reads(page.locator(".sums"), "3 likes");
  const rows = page.getByRole("region", { name: "Tracks" }).getByRole("listitem");
  expect(await rows.locator(".row-title").allInnerTexts()).toEqual([
    "Opening",
    "The Favourite",
    "Closing",
  ]);
  expect((await rows.locator(".recap-likes").allInnerTexts()).map(Number.parseFloat)).toEqual([
    0, 2, 1,
  ]);
  await page.getByRole("img", { name: /most for The Favourite, 2/ }).waitFor();
  await anna.picture("recap");

  // Whoever opens the old link later finds the same end, and the same way to the recap.
  const late = await floor.dance(dj.path);
  await late.reads(late.page.getByTestId("session-ended"), "The session of DJ Test has ended.");
  await late.page.getByRole("link", { name: "See the recap" }).waitFor();
  await late.picture("ended-late");
});

story("an evening without music and one that never was are told apart", async ({ floor, dj }) => {
  await dj.end();
  const quiet = await floor.visit(`${dj.path}/recap`);
  await quiet.page.getByText("Nothing was played.").waitFor();
  const never = await floor.visit("/s/never-was-there/recap");
  await never.page.getByRole("heading", { name: "There is no recap" }).waitFor();
  await never.page.goto("/s/never-was-there");
  await never.page.getByRole("heading", { name: "Nobody is live here." }).waitFor();
});
