// A world for tests: time moves only when told to, chance is a number, and the server is the test itself.

import { LiveClient, type Platform, type Socket } from "../src/index.ts";

interface Timer {
  at: number;
  run: () => void;
}

export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | undefined;
  binaryType = "blob";

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {}

  send(frame: string | Uint8Array): void {
    if (typeof frame !== "string") throw new TypeError("this socket is one of JSON");
    this.sent.push(JSON.parse(frame));
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }

  /** What the client said of one kind, oldest first. */
  said(type: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message["type"] === type);
  }

  tell(...messages: unknown[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }

  raw(data: unknown): void {
    this.onmessage?.({ data });
  }

  lose(code = 1006): void {
    this.onclose?.({ code });
  }
}

export class World implements Platform {
  time = 1_000;
  /** The device's clock, deliberately a day off: nothing but a first guess may depend on it. */
  wall = Date.parse("2026-03-01T20:00:00Z") + 86_400_000;
  chance = 0.5;
  readonly sockets: FakeSocket[] = [];
  readonly stored = new Map<string, string>();
  private timers: Timer[] = [];
  private ids = 0;

  openSocket = (url: string, protocol: string): FakeSocket => {
    const socket = new FakeSocket(url, protocol);
    this.sockets.push(socket);
    return socket;
  };
  now = () => this.time;
  wallClock = () => this.wall + this.time;
  random = () => this.chance;
  newId = () => `id-${String((this.ids += 1)).padStart(8, "0")}`;
  storage = {
    get: (key: string) => this.stored.get(key) ?? null,
    set: (key: string, value: string) => void this.stored.set(key, value),
  };
  after = (ms: number, run: () => void) => {
    const timer = { at: this.time + ms, run };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((other) => other !== timer));
  };

  /** Lets time pass, running what falls due in its order, and lets promises settle in between. */
  async pass(ms: number): Promise<void> {
    const until = this.time + ms;
    for (;;) {
      await settle();
      const due = this.timers.filter((t) => t.at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.time = Math.max(this.time, due.at);
      due.run();
    }
    this.time = until;
  }

  get timersLeft(): number {
    return this.timers.length;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

export const ID = "friday-night";
export const STARTED = "2026-03-01T19:00:00.000Z";

export function song(title: string, artist = "The Band") {
  return { title, artist };
}

export function nowPlaying(title: string, seq?: number) {
  const position = seq === undefined ? {} : { seq };
  return { type: "NOW_PLAYING", sessionId: ID, djName: "DJ Test", track: song(title), ...position };
}

/** Opens the newest socket and answers its SUBSCRIBE: with a fresh state, or as a resumed one. */
export function join(world: World, state: unknown[] = [], answer: object = {}): FakeSocket {
  const { socket } = world;
  socket.onopen?.();
  const subscribe = socket.said("SUBSCRIBE").at(-1);
  socket.tell(
    { type: "SUBSCRIBED", sessionId: ID, epoch: 1, seq: 10, recovered: false, ...answer },
    { type: "SESSIONS_LIST", sessions: [{ sessionId: ID, djName: "DJ Test", startedAt: STARTED }] },
    { type: "LISTENER_COUNT", sessionId: ID, count: 3 },
    ...state,
    { type: "ACK", messageId: subscribe?.["messageId"], status: "ok", timestamp: STARTED },
  );
  return socket;
}

export function arrive(
  world: World,
  state: unknown[] = [],
): { client: LiveClient; socket: FakeSocket } {
  const client = new LiveClient({ url: "wss://pika.example/ws", sessionId: ID, platform: world });
  client.open();
  return { client, socket: join(world, state) };
}

export function ack(socket: FakeSocket, type: string, nth = -1): void {
  const messageId = socket.said(type).at(nth)?.["messageId"];
  socket.tell({ type: "ACK", messageId, status: "ok", timestamp: STARTED });
}

export function nack(socket: FakeSocket, type: string, error: string): void {
  const messageId = socket.said(type).at(-1)?.["messageId"];
  socket.tell({ type: "NACK", messageId, error, timestamp: STARTED });
}
