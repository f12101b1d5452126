// The published client against a running server: what npm would give to somebody, in a program of their own.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { packed, type Packed } from "../client/test/packed.ts";
import { eventually } from "./support/dancer.ts";
import { Dj } from "./support/dj.ts";
import { Pika } from "./support/pika.ts";

type Client = typeof import("@pika/client");
type Booth = typeof import("@pika/client/dj");
type MessagePack = typeof import("@pika/client/msgpack");

interface Parts {
  $file: {
    parcel: Packed;
    pika: Pika;
    client: Client & Booth & MessagePack;
  };
}

const story = test.extend<Parts>({
  parcel: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what a part needs.
    async ({}, use) => {
      const parcel = await packed();
      await use(parcel);
      await parcel.remove();
    },
    { scope: "file" },
  ],
  pika: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what a part needs.
    async ({}, use) => {
      const pika = await Pika.start();
      await use(pika);
      await pika.stop();
    },
    { scope: "file" },
  ],
  client: [
    async ({ parcel }, use) => {
      const built = join(parcel.folder, "node_modules/@pika/client/dist");
      const load = (file: string) => import(pathToFileURL(join(built, file)).href);
      await use({
        ...((await load("index.js")) as Client),
        ...((await load("dj/index.js")) as Booth),
        ...((await load("msgpack.js")) as MessagePack),
      });
    },
    { scope: "file" },
  ],
});

/** Sockets that can be cut, and what came over them. */
class Cable {
  readonly frames: unknown[] = [];
  protocol = "";
  private sockets: WebSocket[] = [];
  private down = false;
  /** What a plain `new` gives the client. */
  readonly WebSocket: new (url: string, protocol: string) => unknown;

  constructor() {
    const plug = (socket: WebSocket) => {
      this.sockets.push(socket);
      socket.on("open", () => (this.protocol = socket.protocol));
      socket.addEventListener("message", (event) => this.frames.push(event.data));
    };
    // While the cable is cut every way leads to a port where nobody answers.
    const way = (url: string) => (this.down ? "ws://127.0.0.1:9/ws" : url);
    this.WebSocket = class extends WebSocket {
      constructor(url: string, protocol: string) {
        super(way(url), protocol);
        plug(this);
      }
    };
  }

  /** Without a word, as a network breaks. */
  cut(): void {
    this.down = true;
    for (const socket of this.sockets.splice(0)) socket.terminate();
  }

  mend(): void {
    this.down = false;
  }
}

function socketOf(pika: Pika): string {
  return `${pika.url.replace("http", "ws")}/ws`;
}

for (const form of ["json", "msgpack"] as const) {
  const codecOf = (client: MessagePack) => (form === "msgpack" ? { codec: client.msgpack } : {});

  const dancing = (pika: Pika, client: Client & MessagePack, dj: Dj, cable: Cable) =>
    new client.LiveClient({
      url: socketOf(pika),
      sessionId: dj.session,
      platform: client.webPlatform({ WebSocket: cable.WebSocket }),
      ...codecOf(client),
    });

  story(`a dancer of the package hears, likes and votes in ${form}`, async ({ pika, client }) => {
    const dj = await Dj.live(pika);
    const cable = new Cable();
    const dancer = dancing(pika, client, dj, cable);
    dancer.open();
    await eventually(() => dancer.current.connection.kind).toBe("live");
    await dj.play("Tonight");
    await eventually(() => dancer.current.track?.title).toBe("Tonight");
    dancer.like({ title: "Tonight", artist: "The Testers" });
    await eventually(() => Object.values(dancer.current.likes)).toEqual(["liked"]);
    await eventually(() => dj.likes()).toEqual({ Tonight: 1 });
    const poll = await dj.ask("Next?", ["Blues", "Pop"]);
    await eventually(() => dancer.current.poll?.question).toBe("Next?");
    dancer.vote(1);
    await eventually(() => dancer.current.vote?.standing).toBe("counted");
    await eventually(() => dancer.current.poll?.votes).toEqual([0, 1]);
    await poll.end();
    await eventually(() => dancer.current.poll?.winnerIndex).toBe(1);
    const kinds = new Set(cable.frames.map((frame) => typeof frame));
    expect([...kinds]).toEqual([form === "json" ? "string" : "object"]);
    expect(cable.protocol).toBe(`pika.v1.${form}`);
    expect(dancer.counts).toMatchObject({ invalid: 0, unknown: 0 });
    dancer.close();
    await dj.end();
  });

  story(`a dancer of the package resumes without a gap in ${form}`, async ({ pika, client }) => {
    const dj = await Dj.live(pika);
    const cable = new Cable();
    const dancer = dancing(pika, client, dj, cable);
    dancer.open();
    await dj.play("One");
    await eventually(() => dancer.current.track?.title).toBe("One");
    const before = cable.frames.length;
    cable.cut();
    await eventually(() => dancer.current.connection.kind).toBe("reconnecting");
    const poll = await dj.ask("While you were away?", ["Yes", "No"]);
    await poll.end();
    await dj.announce("Last bus at two");
    cable.mend();
    dancer.wake();
    await eventually(() => dancer.current.announcement?.message).toBe("Last bus at two");
    // A fresh state holds no poll that is over: whoever knows how it ended was told every fact, not only their sum.
    await eventually(() => dancer.current.poll?.winnerIndex).toBe(-1);
    const first = (form === "json" ? client.json : client.msgpack).decode(cable.frames[before]);
    expect(first).toMatchObject({ type: "SUBSCRIBED", recovered: true });
    expect(dancer.counts).toMatchObject({ invalid: 0, duplicate: 0 });
    dancer.close();
    await dj.end();
  });

  story(`a DJ of the package plays through a dead spot in ${form}`, async ({ pika, client }) => {
    const kept = new Map<string, string>();
    const storage = {
      get: (key: string) => kept.get(key) ?? null,
      set: (key: string, value: string) => void kept.set(key, value),
    };
    const cable = new Cable();
    const platform = client.webPlatform({ WebSocket: cable.WebSocket, storage });
    const where = { origin: pika.url };
    const session = await client.goLive(fetch, client.newWish(platform, "DJ Test"), where);
    const program = () =>
      new client.DjClient({ url: socketOf(pika), session, platform, ...codecOf(client) });
    const history = `/api/sessions/${session.sessionId}/history`;
    const played = async () =>
      (await pika.get<{ title: string }[]>(history))?.map(({ title }) => title);
    const first = program();
    first.open();
    first.play({ title: "One", artist: "The Testers" });
    await eventually(played).toEqual(["One"]);
    first.close();
    // Said without a connection, and the program ends before there is one.
    const second = program();
    second.play({ title: "Two", artist: "The Testers" });
    second.play({ title: "Three", artist: "The Testers" });
    second.close();

    const third = program();
    await eventually(() => third.current.waiting.length).toBe(2);
    third.open();
    await eventually(() => third.current.floor.track?.title).toBe("Three");
    await eventually(() => third.current.waiting.length).toBe(0);
    await eventually(played).toEqual(["Three", "Two", "One"]);
    third.end();
    await eventually(() => third.current.floor.phase).toBe("ended");
    third.close();
  });
}
