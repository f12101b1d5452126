// A session of one's own: how it begins, and what proves that it is one's own.

import { fields, need, text, type Reader } from "../shape.ts";
import { visible } from "../text.ts";
import type { Platform, Storage } from "../platform.ts";

export interface OwnSession {
  readonly sessionId: string;
  readonly djName: string;
  /** Speaks for this run. Whoever has it is its DJ: a phone that is to be a remote gets it, nobody else. */
  readonly ownerToken: string;
  readonly joinUrl: string;
  readonly joinCode: string;
}

const KEY = "pika.dj.session";

export const ownSession: Reader<OwnSession> = (value, at) => {
  const from = fields(value, at);
  return {
    sessionId: need(from, "sessionId", text(64)),
    djName: visible(need(from, "djName", text(200))),
    ownerToken: need(from, "ownerToken", text(300)),
    joinUrl: need(from, "joinUrl", text(2_000)),
    joinCode: need(from, "joinCode", text(12)),
  };
};

/** The session that this device was the DJ of, if its page was closed in the middle of it. */
export function keptSession(storage: Storage): OwnSession | null {
  try {
    return ownSession(JSON.parse(storage.get(KEY) ?? "null"), KEY);
  } catch {
    return null;
  }
}

export function keepSession(storage: Storage, session: OwnSession | null): void {
  storage.set(KEY, session === null ? "" : JSON.stringify(session));
}

/** What a remote is given to scan. It stands behind the `#`, which browsers send to nobody. */
export function remoteLink(session: OwnSession, page: string): string {
  const { sessionId, djName, ownerToken, joinUrl, joinCode } = session;
  const words = [sessionId, ownerToken, joinCode, joinUrl, djName].map(encodeURIComponent);
  return `${page}#remote=${words.join(",")}`;
}

export function fromRemoteLink(hash: string): OwnSession | null {
  const found = /^#remote=(.+)$/.exec(hash)?.[1]?.split(",");
  if (found?.length !== 5) return null;
  try {
    const [sessionId, ownerToken, joinCode, joinUrl, djName] = found.map(decodeURIComponent);
    return ownSession({ sessionId, ownerToken, joinCode, joinUrl, djName }, "remote");
  } catch {
    return null;
  }
}

export type Refused =
  /** No one is signed in, and this server lets nobody play without an account. */
  | "sign-in"
  /** The session of this name is somebody else's. */
  | "taken"
  /** A name that cannot be shown to a floor. */
  | "name"
  | "too-often"
  /** Unknown whether it began: ask again with the same messageId. */
  | "unreachable";

export class NotLive extends Error {
  override name = "NotLive";
  constructor(
    readonly why: Refused,
    readonly words: string,
  ) {
    super(words);
  }
}

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export interface GoLive {
  djName?: string;
  /** Secret and of this wish alone: the same one again gives the same session again. */
  messageId: string;
}

export interface Where {
  /** The server, as `https://pika.example`; a page of its own need not say it. */
  origin?: string | undefined;
  /** A DJ token (`pk_dj_…`), for programs: they have no browser's cookie to sign in with. */
  token?: string | undefined;
}

const PATIENCE_MS = 12_000;

/** Begins an evening. Who is signed in, by this browser's cookie or a token, goes live under the registered name. */
export async function goLive(fetch: Fetch, wish: GoLive, where: Where = {}): Promise<OwnSession> {
  const { origin = "", token } = where;
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`${origin}/api/sessions`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-Pika-Client": "pika-web",
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(wish),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    answer = await response.json();
  } catch {
    throw new NotLive("unreachable", "No answer");
  }
  if (response.ok) return ownSession(answer, "answer");
  const words = saidBy(answer) ?? `The server answered ${response.status}`;
  throw new NotLive(WHY[response.status] ?? "unreachable", words);
}

const WHY: Readonly<Record<number, Refused>> = {
  400: "name",
  401: "sign-in",
  403: "taken",
  429: "too-often",
};

function saidBy(answer: unknown): string | undefined {
  try {
    return visible(need(fields(answer, "answer"), "error", text(500)));
  } catch {
    return undefined;
  }
}

/** As long as the wish is not answered, it stays the same wish. */
export function newWish(platform: Pick<Platform, "newId">, djName: string): GoLive {
  const name = djName.trim();
  return { messageId: platform.newId(), ...(name === "" ? {} : { djName: name }) };
}
