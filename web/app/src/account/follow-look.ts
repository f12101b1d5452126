import { keepLook, THEMES } from "../look.ts";
import { LANGUAGES, setLanguage } from "../words/language.ts";
import type { AccountApi, Preferences } from "./account-api.ts";

export function followLook(saved: Preferences): void {
  keepLook({
    theme: THEMES.find((one) => one === saved.theme) ?? "dark",
    textSize: saved.textSize,
    lessMotion: saved.reducedMotion,
    showBpm: saved.showBpm,
  });
}

export function followLanguage(saved: Preferences): void {
  const language = LANGUAGES.find((one) => one === saved.language);
  if (language !== undefined) setLanguage(language);
}

/**
 * A device that somebody is signed in on comes to look as they chose elsewhere, and to speak as they chose when they sign
 * in: later the language may have been changed here alone. Whoever never chose anything keeps what this device shows, and
 * an answer that does not come changes nothing.
 */
export async function followChosen(api: AccountApi, signsIn: boolean): Promise<void> {
  try {
    const saved = await api.preferences();
    if (saved.version === 0) return;
    followLook(saved);
    if (signsIn) followLanguage(saved);
  } catch {
    // The page that they opened says what the network does.
  }
}
