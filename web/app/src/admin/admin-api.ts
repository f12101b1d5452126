// What those who run this Pika see and do.

import { shape } from "@pika/client";
import type { Rest } from "../rest.ts";
import { said } from "../said.ts";

const { fields, flag, list, maybe, moment, need, text } = shape;

export interface GrantedRole {
  role: string;
  grantedAt: number;
  grantedBy: string | undefined;
}

export interface ManagedUser {
  id: string;
  email: string;
  emailVerified: boolean;
  displayName: string;
  createdAt: number;
  lastSignIn: number | undefined;
  suspendedAt: number | undefined;
  roles: GrantedRole[];
}

export interface Users {
  users: ManagedUser[];
  next: string | undefined;
}

export interface Entry {
  id: string;
  at: number;
  account: string | undefined;
  actor: string | undefined;
  action: string;
  detail: string;
}

export function adminApi({ ask }: Rest) {
  const user = (id: string) => `/api/admin/users/${encodeURIComponent(id)}`;
  return {
    users: async (wanted: string, after?: string): Promise<Users> => {
      const query = new URLSearchParams({ limit: "25" });
      if (wanted !== "") query.set("q", wanted);
      if (after !== undefined) query.set("after", after);
      const from = fields(await ask("GET", `/api/admin/users?${query}`), "answer");
      return {
        users: need(from, "users", list(userOf, 500)),
        next: maybe(from, "next", text(100)),
      };
    },
    user: async (id: string) => userOf(await ask("GET", user(id)), "user"),
    grant: async (id: string, role: string) =>
      userOf(await ask("POST", `${user(id)}/roles`, { role }), "user"),
    take: async (id: string, role: string) =>
      userOf(await ask("DELETE", `${user(id)}/roles/${encodeURIComponent(role)}`), "user"),
    suspend: async (id: string, reason: string) =>
      userOf(await ask("POST", `${user(id)}/suspension`, { reason }), "user"),
    reinstate: async (id: string) => userOf(await ask("DELETE", `${user(id)}/suspension`), "user"),
    audit: async (limit: number, before?: number, account?: string): Promise<Entry[]> => {
      const query = new URLSearchParams({ limit: String(limit) });
      if (before !== undefined) query.set("before", new Date(before).toISOString());
      if (account !== undefined) query.set("account", account);
      return list(entryOf, 1_000)(await ask("GET", `/api/admin/audit?${query}`), "log");
    },
  };
}

export type AdminApi = ReturnType<typeof adminApi>;

function userOf(entry: unknown, at: string): ManagedUser {
  const from = fields(entry, at);
  return {
    id: need(from, "id", text(100)),
    email: need(from, "email", said(500)),
    emailVerified: need(from, "emailVerified", flag),
    displayName: need(from, "displayName", said(200)),
    createdAt: need(from, "createdAt", moment),
    lastSignIn: maybe(from, "lastSignIn", moment),
    suspendedAt: maybe(from, "suspendedAt", moment),
    roles: need(from, "roles", list(roleOf, 20)),
  };
}

function roleOf(entry: unknown, at: string): GrantedRole {
  const from = fields(entry, at);
  return {
    role: need(from, "role", text(40)),
    grantedAt: need(from, "grantedAt", moment),
    grantedBy: maybe(from, "grantedBy", text(100)),
  };
}

function entryOf(entry: unknown, at: string): Entry {
  const from = fields(entry, at);
  return {
    id: need(from, "id", text(200)),
    at: need(from, "at", moment),
    account: maybe(from, "account", text(100)),
    actor: maybe(from, "actor", text(100)),
    action: need(from, "action", text(60)),
    detail: need(from, "detail", said(1_000)),
  };
}
