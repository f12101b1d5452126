// How somebody wants the pages to look: kept on the device, so that it holds before anybody has signed in.

import { localStore } from "./browser.ts";

export interface Look {
  /** Percent. */
  textSize: number;
  lessMotion: boolean;
}

const KEY = "pika.look";
const store = localStore(() => localStorage);

export function keepLook(look: Look): void {
  store.set(KEY, JSON.stringify(look));
  applyLook();
}

/** Before the first page is drawn, so that nothing jumps. */
export function applyLook(): void {
  const { textSize, lessMotion } = kept();
  const root = document.documentElement;
  root.style.fontSize = textSize === 100 ? "" : `${textSize}%`;
  root.classList.toggle("still", lessMotion);
}

function kept(): Look {
  try {
    const { textSize, lessMotion } = JSON.parse(store.get(KEY) ?? "{}") as Partial<Look>;
    const size = typeof textSize === "number" && textSize >= 50 && textSize <= 300 ? textSize : 100;
    return { textSize: size, lessMotion: lessMotion === true };
  } catch {
    return { textSize: 100, lessMotion: false };
  }
}
