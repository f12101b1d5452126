// Which language the pages speak. Every area of the pages keeps its sentences in a file of this folder, in all
// languages; the type of the English ones is the type of the others, so that a missing sentence is a type error.

import { useEffect, useState } from "preact/hooks";
import { localStore } from "@pika/client";

export type Language = "en" | "pl";

export const LANGUAGES: readonly Language[] = ["en", "pl"];

const KEY = "pika.language";
const CHANGED = "pika:language";
const store = localStore(() => localStorage);

/** The chosen one; else the first of the browser's that is spoken here; else English. */
export function language(): Language {
  const chosen = LANGUAGES.find((one) => one === store.get(KEY));
  return chosen ?? spoken(navigator.languages) ?? "en";
}

export function spoken(wanted: readonly string[] = []): Language | undefined {
  for (const tag of wanted) {
    const found = LANGUAGES.find((one) => one === tag.slice(0, 2).toLowerCase());
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Remembers the choice on this device, and lets every page say itself again. */
export function setLanguage(chosen: Language): void {
  store.set(KEY, chosen);
  window.dispatchEvent(new Event(CHANGED));
}

/** The sentences of an area. Ask while rendering: an answer that is kept does not follow the choice. */
export function words<T>(area: { readonly en: T; readonly pl: T }): T {
  return area[language()];
}

/** For the page's root: renders again when the choice changes, and tells browsers and screen readers. */
export function useLanguage(): Language {
  const [current, setCurrent] = useState(language);
  useEffect(() => {
    const follow = () => setCurrent(language());
    window.addEventListener(CHANGED, follow);
    // Another tab of the same person chose.
    window.addEventListener("storage", follow);
    return () => {
      window.removeEventListener(CHANGED, follow);
      window.removeEventListener("storage", follow);
    };
  }, []);
  useEffect(() => void (document.documentElement.lang = current), [current]);
  return current;
}
