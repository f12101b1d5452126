// Who the ids in the log are. Each is asked for once; a name that is gone is a removed account.

import { useEffect, useState } from "preact/hooks";
import type { AdminApi, ManagedUser } from "./admin-api.ts";

export class Names {
  private readonly known = new Map<string, string | null>();
  private readonly asked = new Set<string>();
  private readonly watchers = new Set<() => void>();

  constructor(private readonly api: Pick<AdminApi, "user">) {}

  /** A list already told who they are. */
  learn(users: readonly ManagedUser[]): void {
    for (const user of users) this.known.set(user.id, user.displayName);
  }

  /** `null`: nobody has this id any more; `undefined`: not known yet. */
  of(id: string): string | null | undefined {
    if (!this.known.has(id) && !this.asked.has(id)) void this.find(id);
    return this.known.get(id);
  }

  /** Settles when all of them are known, so that a list can be shown whole. */
  async know(ids: readonly (string | undefined)[]): Promise<void> {
    const unknown = new Set(ids.filter((id) => id !== undefined));
    await Promise.all([...unknown].map((id) => (this.known.has(id) ? undefined : this.find(id))));
  }

  watch(tell: () => void): () => void {
    this.watchers.add(tell);
    return () => void this.watchers.delete(tell);
  }

  private async find(id: string): Promise<void> {
    this.asked.add(id);
    const found = await this.api.user(id).catch(() => null);
    this.known.set(id, found?.displayName ?? null);
    for (const tell of this.watchers) tell();
  }
}

export function useNames(names: Names): Names {
  const [, again] = useState({});
  useEffect(() => names.watch(() => again({})), [names]);
  return names;
}
