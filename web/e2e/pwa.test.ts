import { expect } from "vitest";
import type { Page } from "playwright-core";
import { BEAMER, Booth } from "./support/booth.ts";
import { eventually } from "./support/dancer.ts";
import { story } from "./support/story.ts";

story("Pika can be installed", async ({ floor }) => {
  const { page } = await floor.visit("/");
  await settled(page);
  const devtools = await page.context().newCDPSession(page);
  const { url, errors } = await devtools.send("Page.getAppManifest");
  expect(errors).toEqual([]);
  expect(new URL(url).pathname).toBe("/manifest.webmanifest");
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  // A window without history of its own cannot be installed from; all else can be mended here.
  const ours = installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito");
  expect(ours).toEqual([]);
});

story("without a network it opens, says so, and keeps what is given", async ({ floor, dj }) => {
  await dj.play("Into the tunnel");
  const dancer = await floor.dance(dj.path);
  await settled(dancer.page);
  await dancer.hears("Into the tunnel");

  await dancer.person.context.setOffline(true);
  await dancer.shows(dancer.page.getByTestId("trouble"), "data-kind", "offline");
  await dancer.like.click();
  await dancer.reads(dancer.like, "Kept on this phone");
  await dancer.picture("offline-phone");

  // Another page of the same phone, opened in the tunnel.
  const home = await dancer.person.open("/");
  await home.page.getByTestId("offline").waitFor();
  await home.picture("offline-home");
  await home.page.close();
  // And the phone's own page, closed and opened again there: the like is not forgotten.
  await dancer.page.reload();
  await dancer.reads(dancer.connection, "1 like waiting");
  expect(await dj.likes()).toEqual({ "Into the tunnel": 0 });

  await dancer.person.context.setOffline(false);
  await dancer.isConnected();
  await dancer.hears("Into the tunnel");
  await eventually(dj.likes).toEqual({ "Into the tunnel": 1 });
});

story("a console and a wall open again where there is no network", async ({ floor }) => {
  const booth = await Booth.guest(floor, "DJ Cellar");
  await booth.play("Underground");
  await eventually(() => booth.title.innerText()).toBe("Underground");
  const wall = await floor.visit(await booth.wallPath(), BEAMER);
  await eventually(() => wall.page.getByTestId("wall-title").innerText()).toBe("Underground");
  for (const [{ page, person }, whole] of [
    [booth, ".desk"],
    [wall, "[data-testid=projector]"],
  ] as const) {
    await settled(page);
    // What the page loaded before there was a worker is fetched once more, for the worker to keep.
    await eventually(() => page.evaluate(unkept)).toEqual([]);
    await person.context.setOffline(true);
    await page.reload();
    await page.locator(whole).waitFor();
    await person.context.setOffline(false);
    await page.locator(`${whole}[data-stale=false]`).waitFor();
  }
});

/** Files of this page that no worker would have without a network. */
async function unkept(): Promise<string[]> {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const ours = loaded.filter((name) => new URL(name).pathname.startsWith("/assets/"));
  const kept = await Promise.all(ours.map((name) => caches.match(name)));
  return ours.filter((_, i) => kept[i] === undefined);
}

story("a phone that wakes up knows what plays within two seconds", async ({ floor, dj }) => {
  const person = await floor.person();
  let asleep = false;
  let sockets = 0;
  // While it sleeps its network is gone without a word: nothing arrives, and nothing says so.
  await person.context.routeWebSocket(/\/ws$/, (phone) => {
    const first = (sockets += 1) === 1;
    const server = phone.connectToServer();
    phone.onMessage((message) => void ((asleep && first) || server.send(message)));
    server.onMessage((message) => void ((asleep && first) || phone.send(message)));
  });
  await dj.play("Before the sleep");
  const dancer = await person.open(dj.path);
  await dancer.isConnected();
  await dancer.hears("Before the sleep");
  asleep = true;
  await dj.play("While asleep");
  const ear = await dj.listen();
  await ear.hear("NOW_PLAYING");
  ear.leave();
  expect(await dancer.title.innerText()).toBe("Before the sleep");

  const began = performance.now();
  await dancer.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await dancer.hears("While asleep");
  expect(performance.now() - began).toBeLessThan(2_000);
  await dancer.isConnected();
});

/** The service worker has kept what it keeps, and is asked from now on. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (navigator.serviceWorker.controller !== null) return;
    await new Promise((done) =>
      navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }),
    );
  });
}
