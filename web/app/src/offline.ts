// What lets Pika open in a dead spot. Behind everything that a dancer waits for; a browser that keeps nothing, or plain
// HTTP, has no service worker, and then Pika is a page.

export function worksOffline(): void {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller === null) {
    // A first visit: what was loaded before there was a worker passed it by, and a console or a wall that is opened anew
    // without a network needs it.
    serviceWorker.addEventListener("controllerchange", askAgain, { once: true });
  }
  serviceWorker.register("/sw.js").catch(() => {});
}

/** The browser has these files still; asked again they pass the worker, which keeps them. */
function askAgain(): void {
  for (const { name } of performance.getEntriesByType("resource")) {
    const { origin, pathname } = new URL(name);
    if (origin === location.origin && pathname.startsWith("/assets/")) fetch(name).catch(() => {});
  }
}
