import { describe, expect, it } from "vitest";
import { LiveClient, queuedLikes, trackKey } from "../src/index.ts";
import { ack, arrive, ID, join, nack, nowPlaying, song, STARTED, World } from "./world.ts";

function dancing(title = "One") {
  const world = new World();
  return { world, ...arrive(world, [nowPlaying(title)]) };
}

const mark = (client: LiveClient, title: string) => client.current.likes[trackKey(song(title))];
const unsent = (world: World) => JSON.parse(world.stored.get("pika.likes.unsent") ?? "[]");
const bulk = (message: Record<string, unknown> | undefined) =>
  (message?.["payload"] as { tracks: { title: string }[] } | undefined)?.tracks.map(
    (track) => track.title,
  );

describe("a like", () => {
  it("shows at once and is struck out of the journal at its ACK", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    expect(mark(client, "One")).toBe("sending");
    expect(unsent(world)).toHaveLength(1);
    expect(socket.said("SEND_LIKE")[0]).toMatchObject({
      sessionId: ID,
      payload: { track: song("One") },
    });
    ack(socket, "SEND_LIKE");
    await world.pass(0);
    expect(mark(client, "One")).toBe("liked");
    expect(unsent(world)).toHaveLength(0);
  });

  it("is sent once, however often the heart is tapped", () => {
    const { client, socket } = dancing();
    client.like(song("One"));
    client.like(song("ONE"));
    expect(socket.said("SEND_LIKE")).toHaveLength(1);
  });

  it("is undone at once, and the server told", async () => {
    const { world, client, socket } = dancing();
    socket.tell({ type: "LIKE_RECEIVED", payload: { track: song("One") } });
    client.like(song("One"));
    ack(socket, "SEND_LIKE");
    await world.pass(0);
    client.unlike(song("One"));
    expect(mark(client, "One")).toBeUndefined();
    await world.pass(0);
    ack(socket, "REMOVE_LIKE");
    await world.pass(0);
    expect(client.current.recent[0]?.likes).toBe(0);
  });

  it("is not sent again by a repeat once it was taken back", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    nack(socket, "SEND_LIKE", "Temporarily unavailable");
    client.unlike(song("One"));
    await world.pass(0);
    ack(socket, "REMOVE_LIKE");
    await world.pass(60_000);
    expect(socket.said("SEND_LIKE")).toHaveLength(1);
    expect(mark(client, "One")).toBeUndefined();
  });

  it("is believed when the server says that it was given before", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    nack(socket, "SEND_LIKE", "Already liked this track");
    await world.pass(0);
    expect(mark(client, "One")).toBe("liked");
    expect(client.current.notice).toBeUndefined();
  });

  it("is taken off the page when it is refused, with the reason", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    nack(socket, "SEND_LIKE", "Rate limit exceeded (max 10/min)");
    await world.pass(0);
    expect(mark(client, "One")).toBeUndefined();
    expect(unsent(world)).toHaveLength(0);
    expect(client.current.notice?.words).toBe("Rate limit exceeded (max 10/min)");
  });

  it("comes back to the page when its undo is refused", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    ack(socket, "SEND_LIKE");
    await world.pass(0);
    client.unlike(song("One"));
    await world.pass(0);
    nack(socket, "REMOVE_LIKE", "Track not found");
    await world.pass(0);
    expect(mark(client, "One")).toBe("liked");
    expect(client.current.notice?.about).toBe("unlike");
  });
});

describe("without a connection", () => {
  it("likes wait on the phone and go as one bulk on return", async () => {
    const { world, client, socket } = dancing();
    socket.lose();
    client.like(song("One"));
    client.like(song("Two"));
    expect(queuedLikes(client.current)).toBe(2);
    await world.pass(1_000);
    const back = join(world);
    expect(back.said("SEND_LIKE")).toHaveLength(0);
    expect(back.said("SEND_BULK_LIKE")).toHaveLength(1);
    expect(bulk(back.said("SEND_BULK_LIKE")[0])).toEqual(["One", "Two"]);
    ack(back, "SEND_BULK_LIKE");
    await world.pass(0);
    expect(queuedLikes(client.current)).toBe(0);
    expect(mark(client, "Two")).toBe("liked");
    expect(unsent(world)).toHaveLength(0);
  });

  it("likes survive the page, and a later visit sends them", async () => {
    const { world, client, socket } = dancing();
    socket.lose();
    client.like(song("One"));
    client.close();
    const later = new LiveClient({ url: "wss://pika.example/ws", sessionId: ID, platform: world });
    expect(mark(later, "One")).toBe("queued");
    later.open();
    expect(bulk(join(world).said("SEND_BULK_LIKE")[0])).toEqual(["One"]);
  });

  it("a queued like that is taken back is never sent", async () => {
    const { world, client, socket } = dancing();
    socket.lose();
    client.like(song("One"));
    client.unlike(song("One"));
    await world.pass(1_000);
    const back = join(world);
    expect(back.said("SEND_BULK_LIKE")).toHaveLength(0);
    expect(back.said("REMOVE_LIKE")).toHaveLength(0);
  });

  it("a like whose answer was lost is taken back on return", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    socket.lose();
    // After this long nobody repeats it: whether the server has it is unknown for good.
    await world.pass(65_000);
    expect(mark(client, "One")).toBe("queued");
    client.unlike(song("One"));
    expect(mark(client, "One")).toBeUndefined();
    expect(queuedLikes(client.current)).toBe(0);
    // A change of mind changes nothing about that.
    client.like(song("One"));
    client.unlike(song("One"));
    // Whatever was tried meanwhile came to nothing; the next try does not.
    const tried = world.sockets.length;
    while (world.sockets.length === tried) await world.pass(500);
    const back = join(world, [nowPlaying("One")]);
    await world.pass(0);
    expect(back.said("SEND_LIKE")).toEqual([]);
    expect(back.said("SEND_BULK_LIKE")).toEqual([]);
    expect(back.said("REMOVE_LIKE")).toMatchObject([{ payload: { track: song("One") } }]);
    ack(back, "REMOVE_LIKE");
    await world.pass(60_000);
    expect(unsent(world)).toEqual([]);
    expect(mark(client, "One")).toBeUndefined();
  });

  it("taking back a like that may have been sent survives the page", async () => {
    const { world, client, socket } = dancing();
    socket.lose();
    client.like(song("Kept"));
    await world.pass(1_000);
    const back = join(world, [nowPlaying("One")]);
    expect(bulk(back.said("SEND_BULK_LIKE")[0])).toEqual(["Kept"]);
    back.lose();
    client.close();
    const again = new LiveClient({ url: "wss://pika.example/ws", sessionId: ID, platform: world });
    expect(mark(again, "Kept")).toBe("queued");
    again.unlike(song("Kept"));
    again.close();
    const { client: later, socket: last } = arrive(world, [nowPlaying("One")]);
    await world.pass(0);
    expect(mark(later, "Kept")).toBeUndefined();
    expect(last.said("SEND_BULK_LIKE")).toEqual([]);
    expect(last.said("REMOVE_LIKE")).toHaveLength(1);
    // The server never had it: then nothing is left to do, and nobody is told.
    nack(last, "REMOVE_LIKE", "Not liked");
    await world.pass(60_000);
    expect(unsent(world)).toEqual([]);
    expect(later.current.notice).toBeUndefined();
  });

  it("an undo that is under way is repeated, not doubled, and liking again ends it", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    ack(socket, "SEND_LIKE");
    await world.pass(0);
    client.unlike(song("One"));
    await world.pass(0);
    socket.lose();
    await world.pass(1_000);
    const back = join(world, [nowPlaying("One")]);
    await world.pass(0);
    expect(back.said("REMOVE_LIKE")).toEqual(socket.said("REMOVE_LIKE"));
    client.like(song("One"));
    ack(back, "SEND_LIKE");
    await world.pass(0);
    expect(mark(client, "One")).toBe("liked");
    expect(unsent(world)).toEqual([]);
  });

  it("a like that was under way is repeated, not doubled in a bulk", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    socket.lose();
    await world.pass(1_000);
    const back = join(world);
    expect(back.said("SEND_LIKE")).toEqual(socket.said("SEND_LIKE"));
    expect(back.said("SEND_BULK_LIKE")).toHaveLength(0);
  });

  it("bulks hold at most a hundred, and belong to the session they were given in", async () => {
    const { world, client, socket } = dancing();
    const other = { sessionId: "last-week-x", ...song("Old"), at: world.wallClock() };
    world.stored.set("pika.likes.unsent", JSON.stringify([other]));
    socket.lose();
    for (let i = 0; i < 130; i += 1) client.like(song(`Song ${i}`));
    await world.pass(1_000);
    const bulks = join(world).said("SEND_BULK_LIKE");
    expect(bulks.map((b) => [b["sessionId"], bulk(b)?.length])).toEqual([
      ["last-week-x", 1],
      [ID, 100],
      [ID, 30],
    ]);
  });

  it("likes that the server would no longer take are let go", () => {
    const world = new World();
    const old = { sessionId: ID, ...song("Old"), at: world.wallClock() - 8 * 24 * 3_600_000 };
    world.stored.set("pika.likes.unsent", JSON.stringify([old]));
    const { client, socket } = arrive(world);
    expect(socket.said("SEND_BULK_LIKE")).toHaveLength(0);
    expect(client.current.likes).toEqual({});
  });

  it("a bulk over the rate is kept and offered again, a refused one is dropped", async () => {
    const { world, client, socket } = dancing();
    socket.lose();
    client.like(song("One"));
    client.like(song("Two"));
    await world.pass(1_000);
    const back = join(world);
    nack(back, "SEND_BULK_LIKE", "Rate limit exceeded (max 10/min)");
    await world.pass(0);
    expect(queuedLikes(client.current)).toBe(2);
    await world.pass(5_000);
    back.tell({ type: "PONG", timestamp: STARTED });
    await world.pass(25_000);
    expect(back.said("SEND_BULK_LIKE")).toHaveLength(2);
    nack(back, "SEND_BULK_LIKE", "Track not found");
    await world.pass(0);
    expect(client.current.likes).toEqual({});
    expect(unsent(world)).toHaveLength(0);
  });

  it("a like taken back while its bulk is under way stays taken back", async () => {
    const { world, client, socket } = dancing();
    socket.lose();
    client.like(song("One"));
    await world.pass(1_000);
    const back = join(world);
    client.unlike(song("One"));
    await world.pass(0);
    expect(back.said("REMOVE_LIKE")).toHaveLength(0);
    ack(back, "SEND_BULK_LIKE");
    await world.pass(0);
    expect(back.said("REMOVE_LIKE")).toHaveLength(1);
    expect(mark(client, "One")).toBeUndefined();
  });
});

describe("what the phone remembers", () => {
  it("draws the same hearts after a reload, but not in the session's next run", async () => {
    const { world, client, socket } = dancing();
    client.like(song("One"));
    ack(socket, "SEND_LIKE");
    await world.pass(0);
    client.close();
    const { client: again, socket: second } = arrive(world, [nowPlaying("One")]);
    expect(mark(again, "One")).toBe("liked");
    second.tell({
      type: "SESSION_STARTED",
      sessionId: ID,
      djName: "DJ Test",
      startTime: "2026-03-02T19:00:00.000Z",
      seq: 20,
    });
    expect(mark(again, "One")).toBeUndefined();
    again.like(song("One"));
    expect(second.said("SEND_LIKE")).toHaveLength(1);
  });

  it("works with a store that is full of nonsense", () => {
    const world = new World();
    world.stored.set("pika.likes.unsent", '[{"sessionId":7},"x"]');
    world.stored.set("pika.likes.given", "{{{");
    world.stored.set("pika.client", "short");
    const { client, socket } = arrive(world, [nowPlaying("One")]);
    client.like(song("One"));
    expect(socket.said("SEND_LIKE")).toHaveLength(1);
    expect(String(socket.said("SUBSCRIBE")[0]?.["clientId"]).length).toBeGreaterThanOrEqual(8);
  });
});
