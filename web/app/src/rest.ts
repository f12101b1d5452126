// Routes that need somebody: asked with the browser's session, refused with a code that a page can put into words.

import { shape } from "@pika/client";

const { fields, maybe, text } = shape;

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;
export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** The server's no: its code, its own words, and for how many seconds asking again is useless. */
export class Refused extends Error {
  override name = "Refused";

  constructor(
    readonly status: number,
    readonly code: string,
    words: string,
    readonly retryAfter?: number,
  ) {
    super(words);
  }
}

// Passwords are hashed slowly on purpose, and a venue's network is slow by itself.
const PATIENCE_MS = 20_000;

export interface Rest {
  /** The answer's JSON, `null` where there is none; `Refused` when the server says no, another error when nobody answers. */
  ask(method: Method, path: string, body?: unknown): Promise<unknown>;
}

export function rest(fetch: Fetch): Rest {
  return {
    async ask(method, path, body) {
      const headers: Record<string, string> = {
        Accept: "application/json",
        "X-Pika-Client": "pika-web",
      };
      const init: RequestInit = { method, headers, signal: AbortSignal.timeout(PATIENCE_MS) };
      if (body !== undefined) {
        headers["Content-Type"] = "application/json";
        init.body = JSON.stringify(body);
      }
      const response = await fetch(path, init);
      if (!response.ok) throw await refusal(response);
      return response.status === 204 ? null : response.json();
    },
  };
}

async function refusal(response: Response): Promise<Refused> {
  const after = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const seconds = Number.isFinite(after) ? after : undefined;
  try {
    const body = fields(await response.json(), "error");
    const code = maybe(body, "code", text(60)) ?? "";
    return new Refused(response.status, code, maybe(body, "error", text(500)) ?? "", seconds);
  } catch {
    // A proxy in between answers in pages of its own.
    return new Refused(response.status, "", "", seconds);
  }
}
