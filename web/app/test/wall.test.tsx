import { act, screen, waitFor } from "@testing-library/preact";
import { ID, join, nowPlaying } from "../../client/test/world.ts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FakeApi, invited, visit } from "./page.tsx";

afterEach(() => localStorage.clear());

const POLL = {
  type: "POLL_STARTED",
  sessionId: ID,
  pollId: 7,
  question: "Next?",
  options: ["Blues", "Soul"],
  votes: [1, 3],
  totalVotes: 4,
};

async function wall(state: unknown[], query = "") {
  const api = new FakeApi();
  api.invitations.set(ID, invited());
  const page = visit(`/p/${ID}${query}`, api);
  await screen.findByTestId("projector");
  // What is loaded later runs its effects when the browser has painted.
  await waitFor(() => expect(page.world.sockets).toHaveLength(1));
  const { socket } = page.world;
  await act(async () => {
    join(page.world, state);
    await page.world.pass(0);
  });
  const pass = (ms: number) => act(() => page.world.pass(ms));
  const hear = async (...messages: unknown[]) => {
    await act(async () => socket.tell(...messages));
    await pass(0);
  };
  return { ...page, socket, pass, hear };
}

describe("the wall", () => {
  it("shows what plays and how to join, and has nothing to press", async () => {
    await wall([nowPlaying("One")]);
    expect(screen.getByTestId("wall-title").textContent).toBe("One");
    expect(screen.getByTestId("wall-code").textContent).toContain("K7M2QX");
    expect(screen.getByTestId("wall-qr").getAttribute("src")).toBe("/qr/K7M2QX.svg");
    expect(screen.queryAllByRole("button")).toEqual([]);
    expect(screen.queryAllByRole("link")).toEqual([]);
  });

  it("keeps tallies to itself until the end, unless the DJ shows them", async () => {
    const { hear, world } = await wall([nowPlaying("One"), POLL]);
    const poll = () => screen.getByTestId("wall-poll").textContent;
    expect(poll()).toContain("4 votes · results at the end");
    expect(poll()).not.toContain("%");
    for (const [results, shown] of [
      ["live", true],
      ["end", false],
    ] as const) {
      world.storage.set("pika.projector.results", results);
      await act(async () => void window.dispatchEvent(new Event("storage")));
      expect(poll()?.includes("75 %")).toBe(shown);
    }
    await hear({ type: "POLL_ENDED", pollId: 7, results: [1, 3], totalVotes: 4, winnerIndex: 1 });
    expect(poll()).toContain("Soul wins.");
    expect(poll()).toContain("75 %");
  });

  it("gives the result's place back to the music", async () => {
    const { hear, pass } = await wall([nowPlaying("One"), POLL]);
    await hear({ type: "POLL_ENDED", pollId: 7, results: [1, 3], totalVotes: 4, winnerIndex: 1 });
    await pass(46_000);
    expect(screen.queryByTestId("wall-poll")).toBeNull();
    expect(screen.getByTestId("wall-title").textContent).toBe("One");
  });

  it("is not shown as fresh without a connection, and asks again by itself when it was refused", async () => {
    const { world, socket, pass } = await wall([nowPlaying("One")]);
    await act(async () => socket.lose(4429));
    await pass(0);
    expect(screen.getByTestId("projector").getAttribute("data-stale")).toBe("true");
    expect(screen.getByText("Last heard")).toBeTruthy();
    await pass(60_000);
    expect(world.sockets.length).toBeGreaterThan(1);
  });

  it("keeps the screen on, and asks for it again whenever it is seen again", async () => {
    const released: number[] = [];
    let asked = 0;
    const request = async () => {
      const id = (asked += 1);
      return { release: async () => void released.push(id) };
    };
    Object.defineProperty(navigator, "wakeLock", { value: { request }, configurable: true });
    let shown: DocumentVisibilityState = "visible";
    const visibility = vi.spyOn(document, "visibilityState", "get").mockImplementation(() => shown);
    try {
      const { pass, view } = await wall([nowPlaying("One")]);
      await waitFor(() => expect(asked).toBe(1));
      for (const [next, times] of [
        ["hidden", 1],
        ["visible", 2],
      ] as const) {
        shown = next;
        await act(async () => void document.dispatchEvent(new Event("visibilitychange")));
        await pass(0);
        expect(asked).toBe(times);
      }
      view.unmount();
      await waitFor(() => expect(released).toEqual([2]));
    } finally {
      visibility.mockRestore();
      Reflect.deleteProperty(navigator, "wakeLock");
    }
  });

  it("follows its address until the console of this browser chooses", async () => {
    const { hear, world } = await wall([nowPlaying("One"), POLL], "?results=live");
    const poll = () => screen.getByTestId("wall-poll").textContent;
    expect(poll()).toContain("75 %");
    for (const results of ["live", "end"]) {
      world.storage.set("pika.projector.results", results);
      await act(async () => void window.dispatchEvent(new Event("storage")));
      expect(poll()?.includes("75 %")).toBe(results === "live");
    }
    expect(location.search).toBe("");
    await hear({ type: "POLL_ENDED", pollId: 7, results: [1, 3], totalVotes: 4, winnerIndex: 1 });
    expect(poll()).toContain("75 %");
  });

  it("is after a thousand tracks what it was after sixty", async () => {
    const { hear, world } = await wall([]);
    const play = async (from: number, to: number) => {
      for (let i = from; i < to; i += 1) await hear(nowPlaying(`Track ${i % 1_000}`, 100 + i));
      const stored = [...world.stored.values()].join("").length;
      return [world.timersLeft, document.querySelectorAll("*").length, stored];
    };
    const early = await play(0, 60);
    expect(await play(60, 1_000)).toEqual(early);
  });

  it("says goodbye, and no longer how to join", async () => {
    const { hear } = await wall([nowPlaying("One")]);
    await hear({ type: "SESSION_ENDED", sessionId: ID });
    expect(screen.getByRole("heading", { name: "That was it." })).toBeTruthy();
    expect(screen.queryByTestId("wall-code")).toBeNull();
  });
});
