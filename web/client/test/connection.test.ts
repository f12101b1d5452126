import { describe, expect, it } from "vitest";
import { backoff, comesBack } from "../src/backoff.ts";
import { arrive, ID, join, nowPlaying, World } from "./world.ts";

const PONG = { type: "PONG", timestamp: "2026-03-01T20:00:00Z" };

describe("coming back", () => {
  it("spreads returns over the whole of a growing, bounded span", () => {
    expect(backoff(0, () => 0)).toBe(0);
    expect(backoff(0, () => 0.999)).toBeLessThan(500);
    expect(backoff(3, () => 0.5)).toBe(2_000);
    expect(backoff(1_000, () => 1)).toBe(20_000);
  });

  it("knows which close codes invite it back", () => {
    for (const code of [1000, 1001, 1006, 1011, 1012, 4399, 4500, 4599]) {
      expect(comesBack(code)).toBe(true);
    }
    for (const code of [1008, 4400, 4403, 4499]) expect(comesBack(code)).toBe(false);
  });

  it("joins with the subprotocol, asks for positions, and resumes from the last one", async () => {
    const world = new World();
    const { client, socket } = arrive(world);
    expect(socket.protocol).toBe("pika.v1.json");
    expect(socket.said("SUBSCRIBE")[0]).toMatchObject({ sessionId: ID, resume: true });
    expect(client.current.connection.kind).toBe("live");

    socket.tell(nowPlaying("One", 11), nowPlaying("Two", 14));
    socket.lose(1012);
    expect(client.current.connection.kind).toBe("reconnecting");
    await world.pass(249);
    expect(world.sockets).toHaveLength(1);
    await world.pass(1);
    expect(world.sockets).toHaveLength(2);
    world.socket.onopen?.();
    expect(world.socket.said("SUBSCRIBE")[0]?.["resume"]).toEqual({ epoch: 1, seq: 14 });
  });

  it("shows each message once, whatever a resume repeats", async () => {
    const world = new World();
    const { client, socket } = arrive(world);
    socket.tell(nowPlaying("One", 11), nowPlaying("Two", 12));
    socket.lose();
    await world.pass(1_000);
    join(world, [nowPlaying("One", 11), nowPlaying("Two", 12), nowPlaying("Three", 13)], {
      recovered: true,
      seq: 12,
    });
    expect(client.current.recent.map((played) => played.track.title)).toEqual([
      "Three",
      "Two",
      "One",
    ]);
    expect(client.counts.duplicate).toBe(2);
  });

  it("starts afresh when the log was rewound, also below the old position", async () => {
    const world = new World();
    const { client, socket } = arrive(world, [nowPlaying("Old")]);
    socket.tell(nowPlaying("Older", 500));
    socket.lose();
    await world.pass(1_000);
    const back = join(world, [], { epoch: 2, seq: 3, reason: "unknown_epoch" });
    expect(client.current.track).toBeUndefined();
    back.tell(nowPlaying("New", 4));
    expect(client.current.track?.title).toBe("New");
  });

  it("shows a fresh state whole, never half of it", async () => {
    const world = new World();
    const { client, socket } = arrive(world, [nowPlaying("One")]);
    socket.lose();
    await world.pass(1_000);
    const titles: (string | undefined)[] = [];
    client.watch((state) => titles.push(state.track?.title));
    join(world, [nowPlaying("Two")]);
    expect(titles).not.toContain(undefined);
    expect(titles.at(-1)).toBe("Two");
  });

  it("waits longer each time, and briefly again after a good connection", async () => {
    const world = new World();
    world.chance = 1;
    const { socket } = arrive(world);
    socket.lose();
    await world.pass(500);
    world.socket.lose();
    await world.pass(999);
    expect(world.sockets).toHaveLength(2);
    await world.pass(1);
    expect(world.sockets).toHaveLength(3);
    // A server that accepts and hangs up at once does not make the wait short again.
    join(world).lose();
    await world.pass(1_999);
    expect(world.sockets).toHaveLength(3);
    await world.pass(1);
    join(world);
    await world.pass(10_000);
    world.socket.lose();
    await world.pass(500);
    expect(world.sockets).toHaveLength(5);
  });

  it.each([1008, 4403])("stays away after %i until a person asks", async (code) => {
    const world = new World();
    const { client, socket } = arrive(world);
    socket.lose(code);
    expect(client.current.connection).toEqual({ kind: "refused", code });
    await world.pass(600_000);
    expect(world.sockets).toHaveLength(1);
    client.open();
    expect(world.sockets).toHaveLength(2);
  });

  it("goes elsewhere when a join is not answered, and when it cannot be for now", async () => {
    const world = new World();
    const { client, socket } = arrive(world);
    socket.lose();
    await world.pass(1_000);
    world.socket.onopen?.();
    await world.pass(10_500);
    expect(world.sockets).toHaveLength(3);
    world.socket.onopen?.();
    const messageId = world.socket.said("SUBSCRIBE")[0]?.["messageId"];
    world.socket.tell({
      type: "NACK",
      messageId,
      error: "Temporarily unavailable",
      timestamp: "x",
    });
    expect(client.current.connection.kind).toBe("reconnecting");
    await world.pass(5_000);
    expect(world.sockets).toHaveLength(4);
  });

  it("says why when its join is refused", () => {
    const world = new World();
    const { client, socket } = arrive(world);
    socket.lose();
    client.open();
    world.socket.onopen?.();
    const messageId = world.socket.said("SUBSCRIBE")[0]?.["messageId"];
    world.socket.tell({ type: "NACK", messageId, error: "Invalid session", timestamp: "x" });
    expect(client.current.connection).toEqual({
      kind: "refused",
      code: 0,
      error: "Invalid session",
    });
  });
});

describe("the heartbeat", () => {
  it("pings every ten seconds and gives up after thirty without an answer", async () => {
    const world = new World();
    const { client, socket } = arrive(world);
    await world.pass(5_000);
    socket.tell(PONG);
    await world.pass(5_000);
    expect(socket.said("PING")).toHaveLength(2);
    await world.pass(29_000);
    expect(socket.closedWith).toBeUndefined();
    await world.pass(1_000);
    expect(socket.closedWith).toBe(4000);
    expect(client.current.connection.kind).toBe("reconnecting");
    // The dead socket may still report things much later: nobody listens any more.
    expect(socket.onmessage).toBeNull();
  });

  it("gives up on a socket that never opens", async () => {
    const world = new World();
    const { socket } = arrive(world);
    socket.lose();
    await world.pass(300);
    const stuck = world.socket;
    await world.pass(11_000);
    expect(stuck.closedWith).toBe(4000);
    expect(world.sockets.length).toBeGreaterThan(2);
  });

  it("doubts its socket when the phone wakes up, and dials at once when it was waiting", async () => {
    const world = new World();
    world.chance = 1;
    const { client, socket } = arrive(world);
    socket.tell(PONG);
    client.wake();
    await world.pass(500);
    socket.tell(PONG);
    await world.pass(5_000);
    expect(socket.closedWith).toBeUndefined();
    client.wake();
    await world.pass(600);
    expect(world.sockets).toHaveLength(1);
    await world.pass(100);
    // Still no word: another socket is opened beside it, and takes over as soon as it has joined.
    expect(world.sockets).toHaveLength(2);
    join(world, [nowPlaying("While asleep", 12)]);
    expect(socket.closedWith).toBe(1000);
    expect(client.current.connection.kind).toBe("live");
    expect(client.current.track?.title).toBe("While asleep");
  });

  it("gives a dead socket up, and wastes no time on one that was begun on another network", async () => {
    const world = new World();
    world.chance = 1;
    const { client, socket } = arrive(world);
    socket.tell(PONG);
    client.wake();
    await world.pass(4_000);
    expect(socket.closedWith).toBe(4000);
    expect(world.sockets).toHaveLength(2);
    client.wake();
    expect(world.sockets[1]?.closedWith).toBe(1000);
    expect(world.sockets).toHaveLength(3);
    client.wake();
    expect(world.sockets).toHaveLength(3);
    join(world);
    expect(client.current.connection.kind).toBe("live");
  });

  it("leaves no timer behind when it is closed", async () => {
    const world = new World();
    const { client, socket } = arrive(world);
    client.vote(0);
    client.close();
    expect(socket.closedWith).toBe(1000);
    expect(world.timersLeft).toBe(0);
  });
});

describe("a draining node", () => {
  it("is left for another one without a gap", async () => {
    const world = new World();
    const { client, socket: old } = arrive(world, [nowPlaying("One")]);
    const seen: string[] = [];
    client.watch((state) => seen.push(state.connection.kind));
    old.tell({ type: "GOAWAY", reconnectInMs: 2_000 });
    await world.pass(1_999);
    expect(world.sockets).toHaveLength(1);
    await world.pass(1);
    expect(world.sockets).toHaveLength(2);
    world.socket.onopen?.();
    // The old node still serves while the new one is being joined.
    old.tell(nowPlaying("Two", 11));
    expect(client.current.track?.title).toBe("Two");
    expect(old.closedWith).toBeUndefined();
    const next = world.socket;
    // What the new node tells before the join is the whole lobby's, and has no place in the order yet.
    next.tell(nowPlaying("Ghost", 99));
    expect(client.current.track?.title).toBe("Two");
    const messageId = next.said("SUBSCRIBE")[0]?.["messageId"];
    next.tell(
      { type: "SUBSCRIBED", sessionId: ID, epoch: 1, seq: 10, recovered: true },
      nowPlaying("Two", 11),
      { type: "ACK", messageId, status: "ok", timestamp: "x" },
    );
    expect(old.closedWith).toBe(1000);
    next.tell(nowPlaying("Three", 12));
    expect(client.current.recent.map((played) => played.track.title)).toEqual([
      "Three",
      "Two",
      "One",
    ]);
    expect(client.counts.duplicate).toBe(1);
    expect(seen).not.toContain("reconnecting");
  });

  it("is come back to in the ordinary way when the move fails", async () => {
    const world = new World();
    const { client, socket: old } = arrive(world);
    old.tell({ type: "GOAWAY", reconnectInMs: 0 });
    await world.pass(0);
    world.socket.lose(1006);
    expect(client.current.connection.kind).toBe("live");
    old.lose(1012);
    await world.pass(500);
    expect(world.sockets).toHaveLength(3);
    join(world);
    expect(client.current.connection.kind).toBe("live");
  });
});
