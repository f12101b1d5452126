import { afterAll, expect } from "vitest";
import type { Page } from "playwright-core";
import { Booth } from "./support/booth.ts";
import { eventually } from "./support/dancer.ts";
import { PushService, type Subscribing } from "./support/push-service.ts";
import { storyWith } from "./support/story.ts";

// A browser of a test has no push service behind it. So what a press asks for is answered here as a push service would let the browser
// answer, and what a push brings is delivered by the browser's own tools.
const service = await PushService.start();
afterAll(() => service.stop());
const story = storyWith({ PIKA_PUSH_SERVICES: JSON.stringify([service.origin]) });

story(
  "announcements are asked for by a press, and turned off again",
  async ({ floor, dj, pika }) => {
    const person = await floor.person({ permissions: ["notifications"] });
    await person.context.addInitScript(withPushService, service.browser);
    const said: string[] = [];
    person.context.on("request", (request) => {
      if (request.url().endsWith("/api/push/subscribe")) said.push(request.method());
    });
    await dj.play("Listen");
    const dancer = await person.open(dj.path);
    const notify = dancer.page.getByTestId("notify");
    await dancer.shows(notify, "data-standing", "off");
    expect(said).toEqual([]);

    await dancer.page.getByTestId("notify-on").click();
    await dancer.shows(notify, "data-standing", "on");
    await dancer.reads(notify, "also while this page is closed");
    // The page that comes back says it again, for another day.
    await dancer.page.reload();
    await dancer.shows(notify, "data-standing", "on");
    await dancer.page.getByTestId("notify-off").click();
    await dancer.shows(notify, "data-standing", "off");
    expect(said).toEqual(["POST", "POST", "DELETE"]);
    const outcomes = await (await fetch(`${pika.url}/metrics`)).text();
    expect(outcomes).toContain('pika_push_subscriptions_total{what="unsubscribed"} 1');
  },
);

story("a browser that blocks notifications says so, in Polish too", async ({ floor, dj }) => {
  const person = await floor.person({ locale: "pl-PL" });
  await person.context.addInitScript(() => {
    Object.defineProperty(Notification, "permission", { get: () => "default" });
    Notification.requestPermission = () => Promise.resolve("denied");
  });
  await dj.play("Blocked");
  const dancer = await person.open(dj.path);
  const notify = dancer.page.getByTestId("notify");
  await dancer.reads(notify, "Powiadamiaj mnie");
  await dancer.page.getByTestId("notify-on").click();
  await dancer.shows(notify, "data-standing", "blocked");
  await dancer.reads(notify, "blokuje powiadomienia");
});

story("what is pushed is shown once, and opens the session", async ({ floor, dj, pika }) => {
  const person = await floor.person({ permissions: ["notifications"] });
  const { page } = await person.open("/");
  const push = await pusher(page, pika.url);
  const message = { type: "announcement", sessionId: dj.session, djName: "DJ Test" };
  const timestamp = new Date().toISOString();

  const first = { ...message, message: "Social at ten", timestamp, seq: 7 };
  await delivered(push, page, [first]).toEqual([["DJ Test", "Social at ten"]]);
  // The same one again, and one that is older, change nothing.
  await push({ ...message, message: "Social at ten", timestamp, seq: 7 });
  await push({ ...message, message: "An older one", timestamp, seq: 6 });
  // One that is over says nothing any more, and neither does what is no announcement.
  const over = new Date(Date.now() - 1_000).toISOString();
  await push({ ...message, message: "Over", timestamp, endsAt: over, seq: 8 });
  await push({ hello: "world" });
  await push({ ...message, message: "The bar closes", timestamp, seq: 9 });
  await eventually(() => shown(page)).toEqual([["DJ Test", "The bar closes"]]);

  // Whoever looks at the session's page reads it there.
  await page.goto(dj.path);
  await push({ ...message, message: "On the page", timestamp, seq: 10 });
  await push({ ...message, sessionId: "another-one", message: "Elsewhere", timestamp, seq: 1 });
  await eventually(() => shown(page)).toContainEqual(["DJ Test", "Elsewhere"]);
  expect(await shown(page)).not.toContainEqual(["DJ Test", "On the page"]);
});

story("a phone is told of what its DJ ticked, and of nothing else", async ({ floor, pika }) => {
  const dj = await Booth.guest(floor, "DJ Tick");
  await dj.play("Listen");
  const person = await floor.person({ permissions: ["notifications"] });
  await person.context.addInitScript(withPushService, service.browser);
  const dancer = await person.open(await dj.floorPath());
  await dancer.hears("Listen");
  await dancer.page.getByTestId("notify-on").click();
  await dancer.shows(dancer.page.getByTestId("notify"), "data-standing", "on");
  await dancer.page.goto("/");

  const form = dj.page.getByRole("region", { name: "Announcement" });
  const phones = form.getByRole("checkbox", { name: "Also notify phones" });
  const announce = async (message: string) => {
    await form.getByRole("textbox").fill(message);
    await form.getByRole("button", { name: "Announce", exact: true }).click();
    await eventually(() => form.getByRole("textbox").inputValue()).toBe("");
  };
  await announce("Only for open pages");
  await phones.check();
  await announce("Social at ten");
  expect(await phones.isChecked()).toBe(false);
  await eventually(() => service.pushed).toMatchObject([{ message: "Social at ten" }]);

  const push = await pusher(dancer.page, pika.url);
  await delivered(push, dancer.page, service.pushed).toEqual([["DJ Tick", "Social at ten"]]);
});

/** Delivers pushes to the page's service worker, as the browser does when its push service has one. */
async function pusher(page: Page, origin: string): Promise<(message: unknown) => Promise<void>> {
  const devtools = await page.context().newCDPSession(page);
  const registered = new Promise<string>((found) =>
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const ours = registrations.find(({ scopeURL }) => scopeURL.startsWith(origin));
      if (ours !== undefined) found(ours.registrationId);
    }),
  );
  await devtools.send("ServiceWorker.enable");
  // A worker that is still being activated takes no push, and nobody says so.
  await page.evaluate(async () => {
    const { active } = await navigator.serviceWorker.ready;
    if (active?.state === "activated") return;
    await new Promise((done) => active?.addEventListener("statechange", done, { once: true }));
  });
  const registrationId = await registered;
  return async (message) => {
    const data = JSON.stringify(message);
    await devtools.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data });
  };
}

/** The browser's tools may lose a push to a worker that is just starting, so it is delivered until it is shown: the same one again changes nothing. */
function delivered(
  push: (message: unknown) => Promise<void>,
  page: Page,
  messages: readonly unknown[],
) {
  return eventually(async () => {
    for (const message of messages) await push(message);
    return shown(page);
  });
}

function shown(page: Page): Promise<[string, string][]> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    const all = await registration.getNotifications();
    return all.map(({ title, body }): [string, string] => [title, body]);
  });
}

/** A browser with a push service behind it: it remembers its one subscription as a browser does. */
function withPushService({ origin, p256dh, auth }: Subscribing): void {
  const KEY = "test.subscription";
  const bytes = (text: string) =>
    Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const held = () => {
    const kept = sessionStorage.getItem(KEY);
    if (kept === null) return null;
    const { endpoint, key } = JSON.parse(kept) as { endpoint: string; key: string };
    return {
      endpoint,
      options: { applicationServerKey: bytes(key), userVisibleOnly: true },
      toJSON: () => ({ endpoint, keys: { p256dh, auth } }),
      unsubscribe: () => Promise.resolve(void sessionStorage.removeItem(KEY)).then(() => true),
    };
  };
  PushManager.prototype.getSubscription = () => Promise.resolve(held() as PushSubscription | null);
  PushManager.prototype.subscribe = (options) => {
    const given = options?.applicationServerKey as Uint8Array;
    const key = btoa(String.fromCharCode(...given));
    const endpoint = `${origin}/${crypto.randomUUID()}`;
    sessionStorage.setItem(KEY, JSON.stringify({ endpoint, key }));
    return Promise.resolve(held() as unknown as PushSubscription);
  };
}
