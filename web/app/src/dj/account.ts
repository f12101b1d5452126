// Who is signed in, as far as the console needs to know. Registering and resetting have pages of their own.

import { shape, visible } from "@pika/client";

const { fields, need, text } = shape;

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export interface Account {
  readonly name: string;
}

export type SignInFailure = "wrong" | "suspended" | "tooOften" | "unreachable";

const PATIENCE_MS = 12_000;

function ask(fetch: Fetch, path: string, body?: unknown): Promise<Response> {
  return fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Accept: "application/json",
      "X-Pika-Client": "pika-web",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}

/** `null`: nobody is signed in. A server that cannot tell is an error. */
export async function signedIn(fetch: Fetch): Promise<Account | null> {
  const response = await ask(fetch, "/api/auth/me");
  if (response.status === 401 || response.status === 403) return null;
  if (!response.ok) throw new Error(`who is signed in: ${response.status}`);
  return accountOf(await response.json());
}

const FAILURES: Readonly<Record<number, SignInFailure>> = {
  400: "wrong",
  401: "wrong",
  403: "suspended",
  429: "tooOften",
};

export async function signIn(
  fetch: Fetch,
  email: string,
  password: string,
): Promise<Account | SignInFailure> {
  try {
    const response = await ask(fetch, "/api/auth/login", { email, password });
    if (!response.ok) return FAILURES[response.status] ?? "unreachable";
    return accountOf(await response.json());
  } catch {
    return "unreachable";
  }
}

export async function signOut(fetch: Fetch): Promise<boolean> {
  const response = await ask(fetch, "/api/auth/logout", {}).catch(() => undefined);
  return response?.ok === true;
}

function accountOf(answer: unknown): Account {
  const user = need(fields(answer, "answer"), "user", fields);
  return { name: visible(need(user, "displayName", text(200))) };
}
