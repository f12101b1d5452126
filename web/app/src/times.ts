// How moments and spans are written.

import { language } from "./words/language.ts";

/** Minutes and seconds left; it reaches 0:00 when the moment is there, not a second before. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(kind: string, how: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const spoken = language();
  // The device's own habits (a 12-hour clock, the order of day and month) as long as it speaks that language.
  const own = navigator.languages?.find((tag) => tag.toLowerCase().startsWith(spoken));
  const name = `${kind} ${own ?? spoken}`;
  const made = formats.get(name) ?? new Intl.DateTimeFormat(own ?? spoken, how);
  formats.set(name, made);
  return made;
}

export const timeOf = (ms: number) =>
  format("time", { hour: "2-digit", minute: "2-digit" }).format(ms);
export const dateOf = (ms: number) => format("date", { dateStyle: "full" }).format(ms);

export const dayOf = (ms: number) => format("day", { dateStyle: "medium" }).format(ms);

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** `5 minutes ago`, `yesterday`; the day itself once it is longer ago than somebody would count. */
export function agoOf(ms: number, now = Date.now()): string {
  const past = Math.max(0, now - ms);
  if (past > 30 * 86_400_000) return dayOf(ms);
  const said = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  const [unit, step] = STEPS.find(([, length]) => past >= length) ?? ["second", Infinity];
  return said.format(step === Infinity ? 0 : -Math.floor(past / step), unit);
}
