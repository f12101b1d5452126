// What people do with their own account, as the server's routes have it.

import { shape } from "@pika/client";
import type { Rest } from "../rest.ts";
import { said } from "../said.ts";

const { fields, flag, integer, list, maybe, moment, need, text } = shape;
type Fields = shape.Fields;

export interface User {
  id: string;
  email: string;
  displayName: string;
  slug: string;
  emailVerified: boolean;
  roles: string[];
}

export interface OwnSession {
  id: string;
  label: string;
  kind: string;
  createdAt: number;
  lastUsed: number | undefined;
  current: boolean;
}

export interface OwnToken {
  id: string;
  name: string;
  createdAt: number;
  lastUsed: number | undefined;
}

export interface Profile {
  displayName: string;
  slug: string;
  avatarUrl: string | undefined;
  bio: string;
  genres: string[];
  website: string | undefined;
  socialLinks: Record<string, string>;
}

export interface Preferences {
  version: number;
  theme: string;
  language: string;
  reducedMotion: boolean;
  textSize: number;
  showBpm: boolean;
  notifyAnnouncements: boolean;
}

export function accountApi({ ask }: Rest) {
  const post = (path: string, body: unknown = {}) => ask("POST", `/api/auth/${path}`, body);
  const remove = (path: string, body?: unknown) => ask("DELETE", `/api/auth/${path}`, body);
  return {
    me: async () => userOf(await ask("GET", "/api/auth/me")),
    register: async (email: string, password: string, displayName: string) =>
      userOf(await post("register", { email, password, displayName })),
    signIn: async (email: string, password: string) =>
      userOf(await post("login", { email, password })),
    signOut: () => post("logout"),

    verify: (code: string) => post("verify", { code }),
    sendVerification: () => post("verify/send"),
    forgotten: (email: string) => post("password/forgotten", { email }),
    reset: (code: string, password: string) => post("password/reset", { code, password }),
    changePassword: (password: string, newPassword: string) =>
      post("password", { password, newPassword }),
    changeEmail: (password: string, email: string) => post("email", { password, email }),
    confirmEmail: (code: string) => post("email/confirm", { code }),

    sessions: async () => list(ownSession, 1_000)(await ask("GET", "/api/auth/sessions"), "list"),
    endSession: (id: string) => remove(`sessions/${encodeURIComponent(id)}`),
    endOthers: () => remove("sessions"),

    tokens: async () => list(ownToken, 1_000)(await ask("GET", "/api/auth/tokens"), "list"),
    addToken: async (name: string) => tokenOf(await post("tokens", { name })),
    endToken: (id: string) => remove(`tokens/${encodeURIComponent(id)}`),

    profile: async () => profileOf(await ask("GET", "/api/auth/profile")),
    changeProfile: async (change: Record<string, unknown>) =>
      profileOf(await ask("PATCH", "/api/auth/profile", change)),
    preferences: async () => preferencesOf(await ask("GET", "/api/auth/preferences")),
    changePreferences: async (version: number, preferences: Record<string, unknown>) =>
      preferencesOf(await ask("PATCH", "/api/auth/preferences", { version, preferences })),

    device: async (code: string) =>
      nameOf(await ask("GET", `/api/auth/device/confirm?code=${encodeURIComponent(code)}`)),
    letDeviceIn: async (code: string) => nameOf(await post("device/confirm", { code })),

    export: () => ask("GET", "/api/auth/export"),
    /** What an export holds of profile and preferences; gives the preferences as they are now. */
    import: async (document: Record<string, unknown>) => {
      const { profile, preferences } = document;
      const answer = fields(await post("import", { profile, preferences }), "answer");
      return preferencesOf(need(answer, "preferences", fields));
    },
    removeAccount: (password: string) => remove("account", { password }),
  };
}

export type AccountApi = ReturnType<typeof accountApi>;

function userOf(answer: unknown): User {
  const from = need(fields(answer, "answer"), "user", fields);
  return {
    id: need(from, "id", text(100)),
    email: need(from, "email", said(500)),
    displayName: need(from, "displayName", said(200)),
    slug: need(from, "slug", text(400)),
    emailVerified: need(from, "emailVerified", flag),
    roles: need(from, "roles", list(text(40), 20)),
  };
}

function ownSession(entry: unknown, at: string): OwnSession {
  const from = fields(entry, at);
  return {
    id: need(from, "id", text(200)),
    label: need(from, "label", said(1_000)),
    kind: need(from, "kind", text(40)),
    createdAt: need(from, "createdAt", moment),
    lastUsed: maybe(from, "lastUsed", moment),
    current: need(from, "current", flag),
  };
}

function ownToken(entry: unknown, at: string): OwnToken {
  const from = fields(entry, at);
  return {
    id: need(from, "id", text(200)),
    name: need(from, "name", said(500)),
    createdAt: need(from, "createdAt", moment),
    lastUsed: maybe(from, "lastUsed", moment),
  };
}

const tokenOf = (answer: unknown) => need(fields(answer, "answer"), "token", text(2_000));
const nameOf = (answer: unknown) => need(fields(answer, "answer"), "name", said(500));

function profileOf(answer: unknown): Profile {
  const from = fields(answer, "profile");
  return {
    displayName: need(from, "displayName", said(200)),
    slug: need(from, "slug", text(400)),
    avatarUrl: maybe(from, "avatarUrl", text(1_000)),
    bio: need(from, "bio", said(5_000)),
    genres: need(from, "genres", list(said(200), 50)),
    website: maybe(from, "website", text(1_000)),
    socialLinks: linksOf(need(from, "socialLinks", fields)),
  };
}

export function linksOf(from: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(from).map(([network, url]) => [network, text(1_000)(url, network)]),
  );
}

function preferencesOf(answer: unknown): Preferences {
  const from = fields(answer, "answer");
  const chosen = need(from, "preferences", fields);
  return {
    version: need(from, "version", integer(0)),
    theme: need(chosen, "theme", text(20)),
    language: need(chosen, "language", text(20)),
    reducedMotion: need(chosen, "reducedMotion", flag),
    textSize: need(chosen, "textSize", integer(1, 1_000)),
    showBpm: need(chosen, "showBpm", flag),
    notifyAnnouncements: need(chosen, "notifyAnnouncements", flag),
  };
}
