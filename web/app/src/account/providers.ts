// Where else somebody may have a login that counts here. A server without any says so, or has no such route.

import { shape, visible } from "@pika/client";
import { Refused, rest, type Fetch } from "../rest.ts";

const { fields, list, need, text } = shape;

export interface Provider {
  id: string;
  name: string;
  href: string;
}

export async function providersOf(fetch: Fetch): Promise<Provider[]> {
  try {
    const answer = await rest(fetch).ask("GET", "/api/auth/providers");
    return need(fields(answer, "answer"), "providers", list(provider, 20));
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return [];
    throw error;
  }
}

function provider(entry: unknown, at: string): Provider {
  const from = fields(entry, at);
  const id = need(from, "id", text(40));
  const name = visible(need(from, "name", text(100)));
  return { id, name, href: `/api/auth/oauth/${encodeURIComponent(id)}` };
}
