// What breaks in a visitor's browser is told to the server, so that somebody mends it: what it was and in which of our
// files, and nothing about who met it or what they were looking at. The server takes out once more what might be left.

import type { Fetch } from "./rest.ts";

export type Kind = "error" | "rejection" | "render";
export type Report = (kind: Kind, error: unknown) => void;

/** Of one visit. A page that breaks with every frame has said what there is to say. */
const MOST = 5;
const MESSAGE = 300;

/** `page` gives the name of what is shown, never its address. */
export function reporter(fetch: Fetch, page: () => string): Report {
  const told = new Set<string>();
  return (kind, error) => {
    const body = JSON.stringify({ kind, ...described(error), page: page() });
    if (told.size >= MOST || told.has(body)) return;
    told.add(body);
    const headers = { "Content-Type": "application/json", "X-Pika-Client": "pika-web" };
    // A report that does not arrive is lost: there is nobody to tell.
    fetch("/api/client-errors", { method: "POST", headers, body, keepalive: true }).catch(() => {});
  };
}

/** Hears what nobody caught, for as long as the page is open. */
export function listenForErrors(report: Report): void {
  window.addEventListener("error", (event) => {
    // Without an error it is a picture that did not come, or a script of somebody else's: an extension.
    if (event.error !== null && event.error !== undefined) report("error", event.error);
  });
  window.addEventListener("unhandledrejection", (event) => report("rejection", event.reason));
}

export function described(error: unknown): { message: string; place: string } {
  const known = error instanceof Error;
  const words = known ? `${error.name}: ${error.message}` : `a ${typeof error} was thrown`;
  const stack = known ? (error.stack ?? "") : "";
  const place = /assets\/[\w.-]+\.js:\d+:\d+/.exec(stack)?.[0] ?? "";
  return { message: withoutPeople(words).slice(0, MESSAGE), place };
}

/** Errors quote what they choke on, and that is what somebody typed as often as not. */
function withoutPeople(words: string): string {
  return words
    .replaceAll(/"[^"]*("|$)|`[^`]*(`|$)|“[^”]*(”|$)|(^|[^\p{L}\d])'[^']*('|$)/gu, "…")
    .replaceAll(/\S*(@|:\/\/|pk_)\S*/g, "…")
    .replaceAll(/\d{7,}/g, "…");
}
