import { describe, expect, it } from "vitest";
import { Requests } from "../src/requests.ts";
import { ack, arrive, ID, join, nack, nowPlaying, song, World } from "./world.ts";

const POLL = {
  type: "POLL_STARTED",
  sessionId: ID,
  pollId: 7,
  question: "Next?",
  options: ["A", "B"],
};

function voting() {
  const world = new World();
  return { world, ...arrive(world, [nowPlaying("One"), POLL]) };
}

const ids = (messages: Record<string, unknown>[]) => messages.map((m) => m["messageId"]);

describe("a request", () => {
  it("is settled by the ACK of its own messageId only", () => {
    const { client, socket } = voting();
    client.vote(1);
    socket.tell({ type: "ACK", messageId: "someone-else", status: "ok", timestamp: "x" });
    expect(client.current.vote?.standing).toBe("sending");
  });

  it("says what the server refused, and keeps nothing optimistic", async () => {
    const { client, socket } = voting();
    client.vote(1);
    nack(socket, "VOTE_ON_POLL", "Poll not found or already ended");
    await Promise.resolve();
    await Promise.resolve();
    expect(client.current.vote).toEqual({
      pollId: 7,
      standing: "failed",
      words: "Poll not found or already ended",
    });
  });

  it("repeats under the same messageId while the server is unsure", async () => {
    const { world, client, socket } = voting();
    client.vote(1);
    nack(socket, "VOTE_ON_POLL", "Temporarily unavailable");
    await world.pass(5_000);
    nack(socket, "VOTE_ON_POLL", "Temporarily unavailable");
    await world.pass(5_000);
    expect(socket.said("VOTE_ON_POLL")).toHaveLength(3);
    expect(new Set(ids(socket.said("VOTE_ON_POLL"))).size).toBe(1);
    ack(socket, "VOTE_ON_POLL");
    await world.pass(0);
    expect(client.current.vote).toMatchObject({ standing: "stored", optionIndex: 1 });
  });

  it("goes again over the next connection when the socket was lost before the ACK", async () => {
    const { world, client, socket } = voting();
    client.vote(0);
    socket.lose();
    await world.pass(1_000);
    const back = join(world, [], { recovered: true });
    expect(ids(back.said("VOTE_ON_POLL"))).toEqual(ids(socket.said("VOTE_ON_POLL")));
    ack(back, "VOTE_ON_POLL");
    await world.pass(0);
    expect(client.current.vote?.standing).toBe("stored");
    back.lose();
    await world.pass(1_000);
    expect(join(world).said("VOTE_ON_POLL")).toHaveLength(0);
  });

  it("ends after a bounded number of tries, and says that nobody knows", async () => {
    const { world, client, socket } = voting();
    client.vote(0);
    await world.pass(25_000);
    socket.tell({ type: "PONG", timestamp: "2026-03-01T20:00:00Z" });
    await world.pass(20_000);
    expect(socket.said("VOTE_ON_POLL")).toHaveLength(5);
    expect(client.current.vote).toMatchObject({ standing: "failed", words: "No answer" });
  });

  it("ends after a minute without a connection", async () => {
    const { world, client, socket } = voting();
    socket.lose(4403);
    client.vote(0);
    await world.pass(59_000);
    expect(client.current.vote?.standing).toBe("sending");
    await world.pass(1_000);
    expect(client.current.vote?.standing).toBe("failed");
  });

  it("bounds what waits at once, and never sends what would close the socket", async () => {
    const requests = new Requests(new World(), () => {});
    const like = (title: string) => ({
      type: "SEND_LIKE" as const,
      sessionId: ID,
      payload: { track: song(title) },
    });
    // Four bytes each on the wire, two units each here.
    await expect(requests.ask(like("\u{1f57a}".repeat(2_500)))).rejects.toMatchObject({
      refusal: "unsent",
    });
    const waiting = Array.from({ length: 64 }, (_, i) => requests.ask(like(`Song ${i}`)));
    await expect(requests.ask(like("One more"))).rejects.toMatchObject({ refusal: "unsent" });
    requests.close();
    const settled = await Promise.allSettled(waiting);
    expect(settled.every((one) => one.status === "rejected")).toBe(true);
  });
});

describe("a tempo wish", () => {
  it("is taken back by tapping it again", () => {
    const { client, socket } = voting();
    client.tempo("faster");
    expect(client.current.ownTempo).toBe("faster");
    ack(socket, "SEND_TEMPO_REQUEST");
    client.tempo("faster");
    expect(client.current.ownTempo).toBeUndefined();
    expect(socket.said("SEND_TEMPO_REQUEST").map((m) => m["preference"])).toEqual([
      "faster",
      "clear",
    ]);
  });

  it("is never repeated about the next track", async () => {
    const { world, client, socket } = voting();
    client.tempo("slower");
    nack(socket, "SEND_TEMPO_REQUEST", "Temporarily unavailable");
    socket.tell(nowPlaying("Two", 11));
    await world.pass(30_000);
    expect(socket.said("SEND_TEMPO_REQUEST")).toHaveLength(1);
    expect(client.current.ownTempo).toBeUndefined();
    expect(client.current.notice).toBeUndefined();
  });

  it("falls back to the wish that stood when it is refused, with a notice", async () => {
    const { world, client, socket } = voting();
    client.tempo("slower");
    ack(socket, "SEND_TEMPO_REQUEST");
    await world.pass(0);
    client.tempo("faster");
    nack(socket, "SEND_TEMPO_REQUEST", "Rate limit exceeded");
    await world.pass(0);
    expect(client.current.ownTempo).toBe("slower");
    expect(client.current.notice).toMatchObject({ about: "tempo", words: "Rate limit exceeded" });
  });

  it("is not kept for later without a connection", async () => {
    const { world, client, socket } = voting();
    socket.lose();
    client.tempo("faster");
    expect(client.current.ownTempo).toBeUndefined();
    expect(client.current.notice?.about).toBe("tempo");
    await world.pass(1_000);
    expect(join(world).said("SEND_TEMPO_REQUEST")).toHaveLength(0);
  });
});

it("thanks once, and tells whether it was stored", async () => {
  const { world, client, socket } = voting();
  const thanks = client.thank();
  ack(socket, "SEND_REACTION");
  expect(await thanks).toBe(true);
  const refused = client.thank();
  nack(socket, "SEND_REACTION", "Rate limit exceeded");
  expect(await refused).toBe(false);
  expect(client.current.notice).toMatchObject({ about: "thanks" });
  await world.pass(0);
});
