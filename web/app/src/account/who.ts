// Who is signed in here. Asked once and then shared by the pages that need it, so that none of them flickers on the way to
// the next one; whoever signs in or out says so.

import { useEffect, useState } from "preact/hooks";
import { Refused, rest } from "../rest.ts";
import { useServices, type Services } from "../services.ts";
import { accountApi, type AccountApi, type User } from "./account-api.ts";
import { followChosen } from "./follow-look.ts";

export type Who =
  { readonly kind: "asking" | "guest" | "failed" } | { readonly kind: "in"; readonly user: User };

class Door {
  who: Who = { kind: "asking" };
  readonly api: AccountApi;
  private readonly watchers = new Set<() => void>();
  private asked = false;

  constructor(services: Services) {
    this.api = accountApi(rest(services.fetch));
  }

  set(who: Who): void {
    const before = this.who.kind;
    this.who = who;
    if (who.kind === "in" && before !== "in") void followChosen(this.api, before === "guest");
    this.asked = true;
    for (const tell of this.watchers) tell();
  }

  watch(tell: () => void): () => void {
    this.watchers.add(tell);
    if (!this.asked) void this.ask();
    return () => void this.watchers.delete(tell);
  }

  ask = async (): Promise<void> => {
    this.asked = true;
    try {
      this.set({ kind: "in", user: await this.api.me() });
    } catch (error) {
      const nobody = error instanceof Refused && (error.status === 401 || error.status === 403);
      this.set({ kind: nobody ? "guest" : "failed" });
    }
  };
}

const doors = new WeakMap<Services, Door>();

export function useDoor(): Door {
  const services = useServices();
  const door = doors.get(services) ?? new Door(services);
  doors.set(services, door);
  const [, again] = useState({});
  useEffect(() => door.watch(() => again({})), [door]);
  return door;
}
