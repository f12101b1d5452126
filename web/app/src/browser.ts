import type { Platform, Socket, Storage } from "@pika/client";

export function browserPlatform(): Platform {
  return {
    openSocket: (url, protocol) => new WebSocket(url, protocol) as Socket,
    now: () => performance.now(),
    wallClock: () => Date.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    newId,
    storage: localStore(() => localStorage),
  };
}

export function socketUrl({ protocol, host }: Pick<Location, "protocol" | "host">): string {
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/ws`;
}

/** `randomUUID` exists under HTTPS only; a venue's test server on plain HTTP deserves ids as well. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Storage may be forbidden, full, or absent. Then the page remembers for as long as it is open, which is less but
 * never an error in the middle of a dance.
 */
export function localStore(open: () => globalThis.Storage): Storage {
  const memory = new Map<string, string>();
  return {
    get(key) {
      if (memory.has(key)) return memory.get(key) ?? null;
      try {
        return open().getItem(key);
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        open().setItem(key, value);
        memory.delete(key);
      } catch {
        memory.set(key, value);
      }
    },
  };
}
