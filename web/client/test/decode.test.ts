import { describe, expect, it } from "vitest";
import { read } from "../src/decode.ts";
import { visible } from "../src/text.ts";
import { trackKey } from "../src/track.ts";
import { arrive, ID, nowPlaying, World } from "./world.ts";

const heard = (message: unknown) => read(JSON.stringify(message));

describe("the rim", () => {
  it.each([
    ["no JSON", "{"],
    ["a bare number", "7"],
    ["a list", "[]"],
    ["null", "null"],
    ["no type", "{}"],
    ["a type that is no text", '{"type":7}'],
    ["a binary frame", new ArrayBuffer(4)],
    [
      "an endless frame",
      JSON.stringify({ type: "TRACK_STOPPED", sessionId: ID, x: "y".repeat(300_000) }),
    ],
  ])("refuses %s", (_, data) => {
    expect(read(data)).toEqual({ ok: false, why: "invalid" });
  });

  it.each([
    { type: "LISTENER_COUNT", sessionId: ID, count: "3" },
    { type: "LISTENER_COUNT", sessionId: ID, count: -1 },
    { type: "LISTENER_COUNT", count: 3 },
    { type: "NOW_PLAYING", sessionId: ID, track: "a song" },
    { type: "NOW_PLAYING", sessionId: ID, track: { title: ["a"], artist: "b" } },
    { type: "NOW_PLAYING", sessionId: ID, track: { title: "a".repeat(5000), artist: "b" } },
    { type: "POLL_STARTED", sessionId: ID, pollId: 1.5, question: "?", options: ["a", "b"] },
    { type: "POLL_STARTED", sessionId: ID, pollId: 1, question: "?", options: Array(11).fill("a") },
    { type: "POLL_STARTED", sessionId: ID, pollId: 1, question: "?", options: ["a", { b: 1 }] },
    { type: "POLL_ENDED", pollId: 1, results: [1, null], totalVotes: 1, winnerIndex: 0 },
    { type: "ANNOUNCEMENT_RECEIVED", sessionId: ID, message: "hi", timestamp: "yesterday" },
    { type: "GOAWAY", reconnectInMs: -5 },
    { type: "PONG", timestamp: 12 },
    { type: "TRACK_STOPPED", sessionId: ID, seq: "9" },
  ])("refuses %j", (message) => {
    expect(heard(message)).toEqual({ ok: false, why: "invalid" });
  });

  it("takes a newer server's word for unknown, not for a fault", () => {
    expect(heard({ type: "CONFETTI", sessionId: ID })).toEqual({ ok: false, why: "unknown" });
    expect(heard({ type: "constructor" })).toEqual({ ok: false, why: "unknown" });
    expect(heard({ type: "__proto__" })).toEqual({ ok: false, why: "unknown" });
  });

  it("keeps only the members it knows, and no prototype", () => {
    const data = `{"type":"LISTENER_COUNT","sessionId":"${ID}","count":3,"evil":1,"__proto__":{"x":1}}`;
    const decoded = read(data);
    expect(decoded).toEqual({
      ok: true,
      message: { type: "LISTENER_COUNT", sessionId: ID, count: 3 },
    });
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it("shows a track without a tempo that is out of range", () => {
    const decoded = heard({
      type: "NOW_PLAYING",
      sessionId: ID,
      track: { title: " A ", artist: "B", bpm: 1e9, key: "8A" },
    });
    expect(decoded).toMatchObject({ ok: true, message: { track: { title: "A", key: "8A" } } });
    expect(decoded).not.toHaveProperty("message.track.bpm");
  });
});

describe("words from strangers", () => {
  it("keeps markup as the text it is", () => {
    expect(visible("<img src=x onerror=alert(1)>")).toBe("<img src=x onerror=alert(1)>");
  });

  it("takes out controls, bidi overrides and hidden text, but keeps words apart", () => {
    expect(visible("safe\u202etxt.exe\u202c")).toBe("safetxt.exe");
    expect(visible("a\u0000b\u001b[31m\u200bc\ufeff")).toBe("ab[31mc");
    expect(visible("one\r\ntwo\u2028three")).toBe("one two three");
    expect(visible("x\u{e0041}\u{e0042}y")).toBe("xy");
    expect(visible("half \ud83d!")).toBe("half \ufffd!");
  });

  it("keeps names in every script, and joined emoji", () => {
    for (const name of ["Beyoncé", "Дмитрий", "שלום", "مرحبا", "中島", "👩‍🎤"]) {
      expect(visible(name)).toBe(name);
    }
  });

  it("likes a track by the server's own words, not by the cleaned ones", () => {
    const decoded = heard({
      type: "NOW_PLAYING",
      sessionId: ID,
      track: { title: "Hey\u202e", artist: "You" },
    });
    expect(decoded).toMatchObject({
      message: { track: { title: "Hey", said: { title: "Hey\u202e", artist: "You" } } },
    });
  });

  it("knows one song by its names in any case and composition", () => {
    const composed = { title: "Caf\u00e9 ", artist: "BAND" };
    expect(trackKey(composed)).toBe(trackKey({ title: "Cafe\u0301", artist: "Band" }));
    expect(trackKey({ title: "a", artist: "b c" })).not.toBe(
      trackKey({ title: "c a", artist: "b" }),
    );
  });
});

it("counts what it ignores and goes on showing what it knew", () => {
  const world = new World();
  const { client, socket } = arrive(world, [nowPlaying("First")]);
  socket.raw("not json");
  socket.raw(new Uint8Array([1, 2, 3]));
  socket.tell(
    { type: "NOW_PLAYING", sessionId: ID, track: { title: 5 }, seq: 11 },
    { type: "NEW_THING" },
  );
  expect(client.counts).toMatchObject({ invalid: 3, unknown: 1 });
  expect(client.current.track?.title).toBe("First");
});
