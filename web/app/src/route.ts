import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "home" }
  | { page: "join"; code: string }
  | { page: "live" | "recap" | "projector"; sessionId: string }
  | { page: "dj" | "likes" | "stats" }
  | { page: "account" | "admin"; part: string }
  | { page: "profile"; slug: string }
  | { page: "lost" };

const SESSION_ID = /^[A-Za-z0-9_-]{8,64}$/;

export function routeOf(path: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  const [first, second, third] = parts;
  if (first === undefined) return { page: "home" };
  if (first === "j" && second !== undefined && third === undefined) {
    return { page: "join", code: codeFrom(second) };
  }
  if (first === "s" && second !== undefined && SESSION_ID.test(second)) {
    if (third === undefined) return { page: "live", sessionId: second };
    if (third === "recap" && parts.length === 3) return { page: "recap", sessionId: second };
  }
  if (first === "p" && second !== undefined && SESSION_ID.test(second) && third === undefined) {
    return { page: "projector", sessionId: second };
  }
  if ((first === "dj" || first === "likes" || first === "stats") && second === undefined) {
    return { page: first };
  }
  if ((first === "account" || first === "admin") && third === undefined) {
    return { page: first, part: second ?? "" };
  }
  if (first === "dj" && second !== undefined && third === undefined) {
    return { page: "profile", slug: plain(second) };
  }
  return { page: "lost" };
}

/** A name in an address, as people read it. One that cannot be read is nobody's. */
function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A code as people type it: in any case, with a space or a dash in the middle. */
export function codeFrom(typed: string): string {
  return typed.replace(/[^A-Za-z0-9]/g, "").toUpperCase();
}

export function livePath(sessionId: string): string {
  return `/s/${sessionId}`;
}

export function recapPath(sessionId: string): string {
  return `/s/${sessionId}/recap`;
}

export function projectorPath(sessionId: string): string {
  return `/p/${sessionId}`;
}

const MOVED = "pika:moved";

export function go(path: string, how: "push" | "replace" = "push"): void {
  history[how === "push" ? "pushState" : "replaceState"](null, "", path);
  window.dispatchEvent(new Event(MOVED));
}

export function usePath(): string {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const follow = () => setPath(location.pathname);
    window.addEventListener("popstate", follow);
    window.addEventListener(MOVED, follow);
    return () => {
      window.removeEventListener("popstate", follow);
      window.removeEventListener(MOVED, follow);
    };
  }, []);
  return path;
}
