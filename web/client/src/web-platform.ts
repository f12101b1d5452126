// The world as browsers, Node, Deno and Bun have it.

import type { Platform, Socket, Storage } from "./platform.ts";

export interface WebPlatformOptions {
  /** What opens sockets, where there is no global WebSocket or another one is wanted (Node before 22: `ws`). */
  WebSocket?: new (url: string, protocol: string) => unknown;
  /** Where unsent likes and a DJ's words outlive this page or process. Without it they live as long as it does. */
  storage?: Storage;
}

export function webPlatform(options: WebPlatformOptions = {}): Platform {
  return {
    openSocket: (url, protocol) =>
      new (options.WebSocket ?? WebSocket)(url, protocol) as unknown as Socket,
    now: () => performance.now(),
    wallClock: () => Date.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    newId,
    storage: options.storage ?? memory(),
  };
}

/** `randomUUID` exists under HTTPS only; a venue's test server on plain HTTP deserves ids as well. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function memory(): Storage {
  const kept = new Map<string, string>();
  return { get: (key) => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value) };
}

/** The part of `localStorage` that is used. */
export interface Strings {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * Storage may be forbidden, full, or absent. Then the page remembers for as long as it is open, which is less but
 * never an error in the middle of a dance.
 */
export function localStore(open: () => Strings): Storage {
  const unkept = new Map<string, string>();
  return {
    get(key) {
      const value = unkept.get(key);
      if (value !== undefined) return value;
      try {
        return open().getItem(key);
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        open().setItem(key, value);
        unkept.delete(key);
      } catch {
        unkept.set(key, value);
      }
    },
  };
}
