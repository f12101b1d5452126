// The service worker: Pika opens without a network, and an open page survives a deploy. It keeps pages, never what a
// server said about an evening: what was true before would be shown as if it were now.

import { announce, opened, type Pages } from "./sw-push.ts";

// The build writes both: the files that the first page needs, and a name that changes with them.
declare const PIKA_SHELL: readonly string[];
declare const PIKA_BUILD: string;

interface Waits {
  waitUntil(work: Promise<unknown>): void;
}

interface Asked extends Waits {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

interface Pushed extends Waits {
  readonly data: { json(): unknown } | null;
}

interface Pressed extends Waits {
  readonly notification: { readonly tag: string; close(): void };
}

interface Worker {
  addEventListener(type: "install" | "activate", run: (event: Waits) => void): void;
  addEventListener(type: "fetch", run: (event: Asked) => void): void;
  addEventListener(type: "push", run: (event: Pushed) => void): void;
  addEventListener(type: "notificationclick", run: (event: Pressed) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: Pages & { claim(): Promise<void> };
  readonly registration: ServiceWorkerRegistration;
  readonly location: Location;
}

const worker = self as unknown as Worker;
const OURS = "pika-";
const CACHE = `${OURS}${PIKA_BUILD}`;
/** A network that swallows requests is none. */
const PATIENCE_MS = 4_000;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin) return;
  if (request.mode === "navigate" && !url.pathname.startsWith("/api/")) {
    event.respondWith(page(request));
  } else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(file(request));
  }
});

worker.addEventListener("push", (event) => {
  const { registration, clients } = worker;
  event.waitUntil(
    Promise.resolve(event.data?.json()).then((said) => announce(registration, clients, said)),
  );
});
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(opened(worker.clients, event.notification.tag));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(PIKA_SHELL.map((path) => new Request(path, { cache: "reload" })));
  await worker.skipWaiting();
}

/** The build before stays: pages that are open still ask for parts of it, and the server has them no more. */
async function activate(): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(OURS) && name !== CACHE);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The server's page where there is a server, else the one that every address begins with. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    return (await caches.match("/")) ?? Response.error();
  }
}

/** Names of built files hold a hash of what is in them: what was fetched once is right for ever. */
async function file(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  if (kept !== undefined) return kept;
  const fresh = await fetch(request);
  if (fresh.ok) {
    const cache = await caches.open(CACHE);
    await cache.put(request, fresh.clone());
  }
  return fresh;
}
