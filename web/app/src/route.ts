import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "home" }
  | { page: "join"; code: string }
  | { page: "live" | "recap" | "projector"; sessionId: string }
  | { page: "dj" | "likes" }
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
  if ((first === "dj" || first === "likes") && second === undefined) return { page: first };
  return { page: "lost" };
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
