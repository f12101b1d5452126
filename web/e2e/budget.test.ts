import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { Dancer, eventually } from "./support/dancer.ts";
import { BUILT_PAGE } from "./support/parts.ts";
import { story } from "./support/story.ts";

const SCRIPT_BYTES = 60 * 1024;
const FIRST_TRACK_MS = 1_000;
// The machine of the tests has other things to do, and the promise is about the network: one turn that keeps it is enough.
const TURNS = 10;

story(
  "the live page is small, and the DJ's part is not on a dancer's way",
  async ({ floor, dj }) => {
    await dj.play("Light as a feather");
    const person = await floor.person({ serviceWorkers: "block" });
    const scripts: string[] = [];
    person.context.on("request", (request) => {
      if (request.resourceType() === "script") scripts.push(new URL(request.url()).pathname);
    });
    const dancer = await person.open(dj.path);
    await dancer.hears("Light as a feather");
    const dist = dirname(BUILT_PAGE);
    const bytes = scripts.map((path) => gzipSync(readFileSync(join(dist, path))).length);
    const sum = bytes.reduce((all, one) => all + one, 0);
    console.log(`the live page: ${sum} bytes of compressed script in ${scripts.length} files`);
    expect(sum).toBeLessThan(SCRIPT_BYTES);
    const all = readdirSync(join(dist, "assets")).filter((name) => name.endsWith(".js"));
    expect(all.length).toBeGreaterThan(scripts.length + 3);
  },
);

story("the first track is there within a second of fast 3G", async ({ floor, dj }) => {
  await dj.play("Quick as a flash");
  const took: number[] = [];
  // Other stories run beside this one: one turn in which the machine was free is enough.
  while (took.length < TURNS && Math.min(...took) >= FIRST_TRACK_MS) {
    const person = await floor.person({ serviceWorkers: "block" });
    const page = await person.context.newPage();
    const devtools = await page.context().newCDPSession(page);
    // Fast 3G as Chromium's own tools have it: 1.6 Mbit/s down, 750 kbit/s up, and 150 ms to the server and back.
    await devtools.send("Network.enable");
    await devtools.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 150,
      downloadThroughput: (1.6 * 1024 * 1024) / 8,
      uploadThroughput: (750 * 1024) / 8,
    });
    // Told by the page: from the moment that its address was asked for to the frame that shows the track.
    await page.addInitScript(() => {
      const look = () => {
        if (document.querySelector("[data-testid=track-title]") === null)
          requestAnimationFrame(look);
        else performance.mark("first-track");
      };
      requestAnimationFrame(look);
    });
    await page.goto(dj.path, { waitUntil: "commit" });
    await page.getByTestId("track-title").waitFor();
    const shown = await page.waitForFunction(
      () => performance.getEntriesByName("first-track")[0]?.startTime,
    );
    took.push(Math.round((await shown.jsonValue()) ?? Infinity));
    await person.context.close();
  }
  console.log(`first track on fast 3G: ${took.join(", ")} ms`);
  expect(Math.min(...took)).toBeLessThan(FIRST_TRACK_MS);
});

story(
  "nothing moves under a thumb when a connection goes and comes, when the DJ announces and asks",
  async ({ floor, dj, pika }) => {
    await dj.play("Stand still");
    await dj.play("And still");
    const person = await floor.person();
    const page = await person.context.newPage();
    await page.addInitScript(() => {
      const kept = { sum: 0 };
      Object.assign(globalThis, { shifts: kept });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
          kept.sum += (entry as unknown as { value: number }).value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    const shifts = () =>
      page.evaluate(() => (globalThis as unknown as { shifts: { sum: number } }).shifts.sum);
    await page.goto(dj.path);
    const dancer = new Dancer(person, page);
    await dancer.hears("And still");
    await dancer.page.getByRole("region", { name: "Earlier" }).waitFor();
    const arrived = await shifts();
    await pika.kill();
    await dancer.shows(page.getByTestId("trouble"), "data-kind", "server");
    await pika.restart();
    await dancer.isConnected();
    await dancer.shows(page.getByTestId("trouble"), "data-kind", "none");
    const moved = (await shifts()) - arrived;
    await dj.announce("Water is at the bar, and the last bus goes at two");
    await page.getByTestId("announcement").waitFor();
    const asked = await dj.ask("Shall we go on?", ["Yes", "No", "A little"]);
    await dancer.poll.waitFor();
    // Whoever does not see it is called to it.
    await page.getByTestId("poll-call").waitFor();
    const came = (await shifts()) - arrived - moved;
    await page.getByTestId("poll-call").click();
    await dancer.option(0).click();
    await dancer.reads(dancer.poll, "counts");
    await eventually(() => page.getByTestId("poll-call").count()).toBe(0);
    await asked.end();
    console.log(
      `layout shifts: ${arrived.toFixed(3)} on arrival, ${moved.toFixed(3)} over a lost connection, ` +
        `${came.toFixed(3)} over an announcement and a poll`,
    );
    expect(came).toBeLessThan(0.01);
    // Below 0.1 is what browsers call good.
    expect(arrived).toBeLessThan(0.1);
    expect(moved).toBeLessThan(0.01);
  },
);
