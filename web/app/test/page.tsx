// A page in a test's hands: the real App over a world without time, with a server that the test plays.

import { act, cleanup, configure, render } from "@testing-library/preact";
import { join, World, type FakeSocket } from "../../client/test/world.ts";
import { afterEach } from "vitest";
import type { Api, Invitation, LiveSession, OwnLikes, Recap } from "../src/api.ts";
import { App } from "../src/app.tsx";

// Pages that are loaded when they are wanted take their time where many cores' worth of work is done by one.
configure({ asyncUtilTimeout: 4_000 });

export const SESSION = "friday-night";

export class FakeApi implements Api {
  sessions: LiveSession[] = [];
  codes = new Map<string, string>();
  recaps = new Map<string, Recap>();
  invitations = new Map<string, Invitation>();
  likes: OwnLikes | null = null;
  down = false;
  asked: string[] = [];

  private ask<T>(what: string, answer: () => T): Promise<T> {
    this.asked.push(what);
    return this.down ? Promise.reject(new Error("down")) : Promise.resolve(answer());
  }
  active = () => this.ask("active", () => this.sessions);
  join = (code: string) => this.ask(`join ${code}`, () => this.codes.get(code) ?? null);
  recap = (id: string) => this.ask(`recap ${id}`, () => this.recaps.get(id) ?? null);
  invitation = (id: string) => this.ask(`invitation ${id}`, () => this.invitations.get(id) ?? null);
  ownLikes = () => this.ask("likes", () => this.likes);
  history = () => this.ask("history", () => []);
}

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export function visit(path: string, api = new FakeApi(), fetch: Fetch = () => Promise.reject()) {
  const world = new World();
  history.replaceState(null, "", path);
  const services = {
    platform: world,
    api,
    socketUrl: "wss://pika.example/ws",
    fetch,
    report: () => {},
  };
  const view = render(<App services={services} />);
  return { world, api, view };
}

/** What the server keeps of somebody who chose this much. */
export function chosen(preferences: object) {
  const others = { theme: "dark", language: "en", textSize: 100, reducedMotion: false };
  const told = { showBpm: true, notifyAnnouncements: true };
  return { version: 3, preferences: { ...others, ...told, ...preferences } };
}

export function invited(djAway = false): Invitation {
  return {
    djName: "DJ Test",
    joinCode: "K7M2QX",
    joinUrl: "https://pika.example/j/K7M2QX",
    djAway,
  };
}

/** Opens the dancer's view of a session that is in the given state. */
export async function dance(state: unknown[] = [], api = new FakeApi()) {
  api.invitations.set(SESSION, invited());
  const page = visit(`/s/${SESSION}`, api);
  let socket: FakeSocket | undefined;
  await act(async () => {
    socket = join(page.world, state);
    await page.world.pass(0);
  });
  if (socket === undefined) throw new Error("nobody joined");
  return { ...page, socket, ...hands(page.world, socket) };
}

function hands(world: World, socket: FakeSocket) {
  return {
    hear: (...messages: unknown[]) =>
      act(async () => {
        socket.tell(...messages);
        await world.pass(0);
      }),
    pass: (ms: number) => act(() => world.pass(ms)),
  };
}

afterEach(cleanup);
