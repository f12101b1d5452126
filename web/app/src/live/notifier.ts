// Web Push as this browser has it: whether it can, whether it is on, and turning it on and off. The browser asks its person
// only when they pressed for it.

import { shape } from "@pika/client";
import { Refused, rest, type Fetch } from "../rest.ts";

const { fields, flag, need, text } = shape;

const KEY = "/api/push/key";

/** What a page shows of it. `none`: this browser or this server cannot. */
export type Standing = "none" | "off" | "on" | "quiet" | "blocked";

export interface Notifier {
  /** How it stands; one that is on goes on for this session too. */
  standing(): Promise<Standing>;
  /** To be called in answer to a press: it may ask the person. */
  turnOn(): Promise<Standing>;
  turnOff(): Promise<void>;
}

/** Whether this server tells closed pages anything. Only its own word counts as a no. */
export function pushes(fetch: Fetch): Promise<boolean> {
  const no = (error: unknown) => error instanceof Refused && error.status === 404;
  return rest(fetch)
    .ask("GET", KEY)
    .then(
      () => true,
      (error: unknown) => !no(error),
    );
}

export function notifier(fetch: Fetch, sessionId: string): Notifier {
  const { ask } = rest(fetch);
  const path = "/api/push/subscribe";

  async function key(): Promise<Uint8Array<ArrayBuffer>> {
    return bytes(need(fields(await ask("GET", KEY), "a key"), "publicKey", text(200)));
  }

  async function keep(subscription: PushSubscription): Promise<Standing> {
    const { endpoint, keys } = subscription.toJSON();
    const kept = await ask("POST", path, { endpoint, keys, sessionId });
    return need(fields(kept, "an answer"), "quiet", flag) ? "quiet" : "on";
  }

  return {
    async standing() {
      const manager = await pushManager();
      if (manager === undefined) return "none";
      const subscription = await manager.getSubscription();
      if (Notification.permission === "denied") return "blocked";
      if (subscription === null) {
        // A server without keys has nothing to turn on.
        return key().then(
          () => "off",
          () => "none",
        );
      }
      const newest = await key();
      if (same(subscription.options.applicationServerKey, newest)) return keep(subscription);
      // The server has a new key: this browser takes it while the old one still holds.
      await subscription.unsubscribe();
      return keep(await manager.subscribe(wish(newest)));
    },
    async turnOn() {
      const manager = await pushManager();
      if (manager === undefined) return "none";
      const permission = await Notification.requestPermission();
      if (permission !== "granted") return permission === "denied" ? "blocked" : "off";
      return keep(
        (await manager.getSubscription()) ?? (await manager.subscribe(wish(await key()))),
      );
    },
    async turnOff() {
      const subscription = await (await pushManager())?.getSubscription();
      if (subscription === null || subscription === undefined) return;
      const { endpoint, keys } = subscription.toJSON();
      // First here: a server that cannot be reached hears of it from the push service.
      await subscription.unsubscribe();
      await ask("DELETE", path, { endpoint, keys: { auth: keys?.["auth"] ?? "" } }).catch(() => {});
    },
  };
}

async function pushManager(): Promise<PushManager | undefined> {
  if (!("serviceWorker" in navigator) || !("Notification" in window)) return undefined;
  // Registered while the first page loads. Where it cannot be, nothing is ever shown.
  const registration = await navigator.serviceWorker.ready;
  return "pushManager" in registration ? registration.pushManager : undefined;
}

function wish(applicationServerKey: Uint8Array<ArrayBuffer>): PushSubscriptionOptionsInit {
  return { userVisibleOnly: true, applicationServerKey };
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const plain = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function same(held: ArrayBuffer | null, newest: Uint8Array): boolean {
  if (held === null || held.byteLength !== newest.length) return false;
  const given = new Uint8Array(held);
  return newest.every((byte, at) => byte === given[at]);
}
