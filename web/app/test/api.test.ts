import { describe, expect, it } from "vitest";
import { restApi } from "../src/api.ts";
import { localStore } from "@pika/client";
import { socketUrl } from "../src/socket-url.ts";
import { codeFrom, routeOf } from "../src/route.ts";
import { noticeWords, voteWords } from "../src/live/sentences.ts";
import { clock } from "../src/times.ts";

function answering(status: number, body: unknown) {
  const asked: string[] = [];
  const api = restApi((path) => {
    asked.push(path);
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return { api, asked };
}

describe("the REST routes", () => {
  it("reads the live sessions, cleaned, and without what they do not have", async () => {
    const { api, asked } = answering(200, {
      live: true,
      sessions: [
        {
          sessionId: "friday-night",
          djName: "DJ\u202e Test",
          startedAt: "2026-03-01T19:00:00Z",
          currentTrack: null,
          listenerCount: 3,
          momentum: 0.4,
        },
      ],
    });
    expect(await api.active()).toEqual([
      {
        sessionId: "friday-night",
        djName: "DJ Test",
        startedAt: Date.parse("2026-03-01T19:00:00Z"),
        listenerCount: 3,
        momentum: 0.4,
      },
    ]);
    expect(asked).toEqual(["/api/sessions/active"]);
  });

  it.each([{}, { sessions: "none" }, { sessions: [{ sessionId: 7 }] }, [], "no"])(
    "refuses %j as a list of sessions",
    async (body) => {
      await expect(answering(200, body).api.active()).rejects.toThrow();
    },
  );

  it("takes a missing code for unknown, and a failing server for a failure", async () => {
    expect(await answering(404, { error: "Not found" }).api.join("AAAAAA")).toBeNull();
    await expect(answering(500, {}).api.join("AAAAAA")).rejects.toThrow("500");
    const { api, asked } = answering(200, { sessionId: "friday-night" });
    expect(await api.join("../admin")).toBe("friday-night");
    expect(asked).toEqual(["/api/join/..%2Fadmin"]);
  });

  it("reads a recap with and without analysis, tempo and polls", async () => {
    const bare = {
      position: 1,
      artist: "A",
      title: "T",
      bpm: null,
      key: null,
      likes: 0,
      tempo: null,
    };
    const { api } = answering(200, {
      sessionId: "friday-night",
      djName: "DJ Test",
      startedAt: "2026-03-01T19:00:00Z",
      endedAt: null,
      trackCount: 1,
      totalLikes: 0,
      tracks: [bare],
    });
    const recap = await api.recap("friday-night");
    expect(recap?.tracks[0]).toEqual({
      position: 1,
      likes: 0,
      track: { artist: "A", title: "T", said: { artist: "A", title: "T" } },
    });
    expect(recap).not.toHaveProperty("polls");
    expect(recap).not.toHaveProperty("endedAt");
  });
});

describe("addresses", () => {
  it("knows its pages, and that a session id has a shape", () => {
    expect(routeOf("/")).toEqual({ page: "home" });
    expect(routeOf("/j/k7m2qx")).toEqual({ page: "join", code: "K7M2QX" });
    expect(routeOf("/s/friday-night")).toEqual({ page: "live", sessionId: "friday-night" });
    expect(routeOf("/s/friday-night/recap/")).toEqual({ page: "recap", sessionId: "friday-night" });
    for (const path of [
      "/s/short",
      "/s/friday%20night",
      "/s/friday-night/x",
      "/x",
      "/j",
      "/j/a/b",
    ]) {
      expect(routeOf(path)).toEqual({ page: "lost" });
    }
    expect(codeFrom(" k7m 2-qx")).toBe("K7M2QX");
  });

  it("speaks to its own origin, secured where the page is", () => {
    expect(socketUrl({ protocol: "https:", host: "pika.example" })).toBe("wss://pika.example/ws");
    expect(socketUrl({ protocol: "http:", host: "localhost:3001" })).toBe("ws://localhost:3001/ws");
  });
});

describe("words", () => {
  it("counts down to zero at the moment itself", () => {
    expect(clock(60_001)).toBe("1:01");
    expect(clock(60_000)).toBe("1:00");
    expect(clock(1)).toBe("0:01");
    expect(clock(0)).toBe("0:00");
    expect(clock(-5_000)).toBe("0:00");
  });

  it("tells an unknown reason as it is", () => {
    const vote = { pollId: 1, standing: "rejected", words: "Gremlins" } as const;
    expect(voteWords(vote, ["A"])).toBe("Your vote was not counted: Gremlins");
    expect(noticeWords("like", "Gremlins")).toBe("That like did not go through: Gremlins");
  });

  it("tells each reason that the server has", () => {
    const words = [
      "Already voted",
      "Poll has ended",
      "Poll not found",
      "Invalid option index",
      "No answer",
    ];
    const told = words.map((reason) =>
      voteWords({ pollId: 1, standing: "rejected", words: reason }, ["A"]),
    );
    expect(new Set(told).size).toBe(4);
    for (const sentence of told) expect(sentence).not.toContain("not counted:");
  });
});

it("remembers for a while where storing is forbidden", () => {
  const store = localStore(() => {
    throw new Error("SecurityError");
  });
  expect(store.get("a")).toBeNull();
  store.set("a", "1");
  expect(store.get("a")).toBe("1");
});
