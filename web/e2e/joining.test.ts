import { expect } from "vitest";
import { eventually } from "./support/dancer.ts";
import { Dj } from "./support/dj.ts";
import { story } from "./support/story.ts";

story("nobody is live, and the page says so", async ({ floor }) => {
  const { page } = await floor.visit("/");
  await page.getByText("Nobody is live right now.").waitFor();
});

story("the one live session is a tap away", async ({ floor, dj }) => {
  await dj.play("Open Road");
  const dancer = await floor.visit("/");
  const { page } = dancer;
  const way = page.getByRole("link", { name: /DJ Test/ });
  await dancer.reads(way, "Open Road");
  await dancer.picture("home-one");
  await way.click();
  await dancer.isConnected();
  expect(new URL(page.url()).pathname).toBe(dj.path);
  await dancer.hears("Open Road");
});

story("a code is taken as people type it", async ({ floor, dj }) => {
  const dancer = await floor.visit("/");
  const typed = `${dj.code.slice(0, 3).toLowerCase()}-${dj.code.slice(3)}`;
  await dancer.page.getByLabel("Code from the DJ’s screen").fill(typed);
  await dancer.page.getByRole("button", { name: "Join" }).click();
  await dancer.isConnected();
  expect(new URL(dancer.page.url()).pathname).toBe(dj.path);
});

story("a link leads to the floor, and back leads out of Pika", async ({ floor, dj }) => {
  const dancer = await (await floor.person()).open("about:blank");
  await dancer.page.goto(dj.joinPath);
  await dancer.isConnected();
  expect(new URL(dancer.page.url()).pathname).toBe(dj.path);
  await dancer.page.goBack();
  await eventually(() => dancer.page.url()).toBe("about:blank");
});

story("an unknown code is answered in words, and can be typed again", async ({ floor, dj }) => {
  const dancer = await floor.visit("/j/zzzzzz");
  const { page } = dancer;
  await page.getByRole("heading", { name: "No session has this code" }).waitFor();
  await dancer.picture("unknown-code");
  await page.getByLabel("Code from the DJ’s screen").fill("abc");
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByText("A code has six letters and digits.").waitFor();
  await page.getByLabel("Code from the DJ’s screen").fill(dj.code);
  await page.keyboard.press("Enter");
  await dancer.isConnected();
});

story("an address that leads nowhere says so", async ({ floor }) => {
  const { page } = await floor.visit("/no/such/page");
  await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
  await page.getByRole("link", { name: "To the live sessions" }).click();
  await eventually(() => new URL(page.url()).pathname).toBe("/");
});

story("several live sessions are listed, each with its own way in", async ({ floor, pika, dj }) => {
  const other = await Dj.live(pika, "DJ Other");
  await other.play("Elsewhere");
  const dancer = await floor.visit("/");
  await dancer.page.getByRole("link", { name: /DJ Test/ }).waitFor();
  await dancer.picture("home-several");
  await dancer.page.getByRole("link", { name: /DJ Other/ }).click();
  await dancer.hears("Elsewhere");
  expect(new URL(dancer.page.url()).pathname).toBe(other.path);
  expect(other.path).not.toBe(dj.path);
  await other.end();
});

story(
  "a browser is spoken to in its own language, until somebody chooses",
  async ({ floor, dj }) => {
    await dj.play("Taniec");
    const ola = await floor.dance(dj.path, { locale: "pl-PL" });
    await ola.reads(ola.connection, "Na żywo");
    await ola.reads(ola.like, "Bądź pierwszą osobą");
    expect(await ola.page.evaluate(() => document.documentElement.lang)).toBe("pl");
    await ola.picture("polish");
    const home = await ola.person.open("/");
    await home.page.getByRole("heading", { name: "Parkiet odpowiada." }).waitFor();
    await home.page.getByRole("button", { name: "English" }).click();
    await home.page.getByRole("heading", { name: "The floor talks back." }).waitFor();
    // The other tab follows, and stays where it is.
    await ola.reads(ola.like, "Be the first");
    await ola.isConnected();
  },
);
