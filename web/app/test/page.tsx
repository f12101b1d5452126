// A page in a test's hands: the real App over a world without time, with a server that the test plays.

import { act, cleanup, render } from "@testing-library/preact";
import { join, World, type FakeSocket } from "@pika/client/test-world";
import { afterEach } from "vitest";
import type { Api, LiveSession, Recap } from "../src/api.ts";
import { App } from "../src/app.tsx";
import type { Services } from "../src/services.ts";

export const SESSION = "friday-night";

export class FakeApi implements Api {
  sessions: LiveSession[] = [];
  codes = new Map<string, string>();
  recaps = new Map<string, Recap>();
  down = false;
  asked: string[] = [];

  private ask<T>(what: string, answer: () => T): Promise<T> {
    this.asked.push(what);
    return this.down ? Promise.reject(new Error("down")) : Promise.resolve(answer());
  }
  active = () => this.ask("active", () => this.sessions);
  join = (code: string) => this.ask(`join ${code}`, () => this.codes.get(code) ?? null);
  recap = (id: string) => this.ask(`recap ${id}`, () => this.recaps.get(id) ?? null);
  history = () => this.ask("history", () => []);
}

/** A server that has none of the routes that were not played to it. */
const nothing = () =>
  Promise.resolve(new Response('{"error":"Not found","code":"not_found"}', { status: 404 }));

export function visit(path: string, api = new FakeApi(), answers: Services["fetch"] = nothing) {
  const world = new World();
  history.replaceState(null, "", path);
  const services = {
    platform: world,
    api,
    fetch: answers,
    report: () => {},
    socketUrl: "wss://pika.example/ws",
  };
  const view = render(<App services={services} />);
  return { world, api, view };
}

/** Opens the dancer's view of a session that is in the given state. */
export async function dance(state: unknown[] = [], api = new FakeApi()) {
  api.sessions = [{ sessionId: SESSION, djName: "DJ Test", listenerCount: 3, momentum: 1 }];
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
