// Where else somebody may have a login that counts here. A server without any says so, or has no such route.

import { shape, visible } from "@pika/client";
import { Refused, type Rest } from "../rest.ts";

const { fields, list, need, text } = shape;

export interface Provider {
  /** As it stands in addresses. */
  name: string;
  /** As people know it. */
  title: string;
}

export async function providersOf({ ask }: Rest): Promise<Provider[]> {
  return orNone(async () => list(providerOf, 20)(await ask("GET", "/api/auth/providers"), "list"));
}

/** The names of the providers whose logins are linked to one's own account. */
export async function ownLogins({ ask }: Rest): Promise<string[]> {
  const login = (entry: unknown, at: string) => need(fields(entry, at), "provider", text(40));
  return orNone(async () => list(login, 20)(await ask("GET", "/api/auth/logins"), "list"));
}

/** Where a browser goes to come back signed in, at this page. */
export function wayTo(provider: Provider): string {
  const next = encodeURIComponent(location.pathname);
  return `/api/auth/${encodeURIComponent(provider.name)}?next=${next}`;
}

/** Where it goes to link a login there to one's own account. */
export async function wayToLink({ ask }: Rest, provider: Provider): Promise<string> {
  const next = encodeURIComponent("/account/security");
  const path = `/api/auth/${encodeURIComponent(provider.name)}/link?next=${next}`;
  return need(fields(await ask("POST", path, {}), "answer"), "url", text(4_000));
}

export function unlink({ ask }: Rest, provider: Provider): Promise<unknown> {
  return ask("DELETE", `/api/auth/logins/${encodeURIComponent(provider.name)}`);
}

async function orNone<T>(ask: () => Promise<T[]>): Promise<T[]> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return [];
    throw error;
  }
}

function providerOf(entry: unknown, at: string): Provider {
  const from = fields(entry, at);
  return { name: need(from, "name", text(40)), title: visible(need(from, "title", text(100))) };
}
