// How somebody wants the pages to look: kept on the device, so that it holds before anybody has signed in. What makes the
// pages follow is first-look.js, which runs before anything is drawn.

import { localStore } from "@pika/client";

export const THEMES = ["dark", "light", "system"] as const;

export interface Look {
  theme: (typeof THEMES)[number];
  /** Percent. */
  textSize: number;
  lessMotion: boolean;
  showBpm: boolean;
}

const KEY = "pika.look";
const CHANGED = "pika:look";
const store = localStore(() => localStorage);

export function keepLook(look: Look): void {
  store.set(KEY, JSON.stringify(look));
  window.dispatchEvent(new CustomEvent(CHANGED, { detail: look }));
}
