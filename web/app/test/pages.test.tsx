import { act, fireEvent, screen, within } from "@testing-library/preact";
import { song } from "../../client/test/world.ts";
import { describe, expect, it } from "vitest";
import type { LiveSession, Recap } from "../src/api.ts";
import { FakeApi, visit } from "./page.tsx";

function session(sessionId: string, djName: string): LiveSession {
  return {
    sessionId,
    djName,
    listenerCount: 12,
    momentum: 0.5,
    currentTrack: { ...song("One"), said: song("One") },
  };
}

async function open(path: string, api = new FakeApi()) {
  const page = visit(path, api);
  await act(() => page.world.pass(0));
  return { ...page, pass: (ms: number) => act(() => page.world.pass(ms)) };
}

describe("the front page", () => {
  it("offers the only live session big", async () => {
    const api = new FakeApi();
    api.sessions = [session("friday-night", "DJ Test")];
    await open("/", api);
    const link = screen.getByRole("link", { name: /DJ Test.*Join the floor/s });
    expect(link.getAttribute("href")).toBe("/s/friday-night");
    expect(link.textContent).toContain("12 dancers");
  });

  it("lists several, and follows them", async () => {
    const api = new FakeApi();
    api.sessions = [session("friday-night", "DJ Test"), session("other-floor", "<b>DJ</b>")];
    const { pass } = await open("/", api);
    const list = screen.getByRole("region", { name: "Live now" });
    expect(within(list).getAllByRole("link")).toHaveLength(2);
    expect(list.textContent).toContain("<b>DJ</b>");
    api.sessions = [];
    await pass(30_000);
    expect(screen.getByText("Nobody is live right now.")).toBeTruthy();
  });

  it("says when the server cannot be reached, and tries again", async () => {
    const api = new FakeApi();
    api.down = true;
    const { pass } = await open("/", api);
    expect(screen.getByText(/cannot be reached/)).toBeTruthy();
    api.down = false;
    await pass(30_000);
    expect(screen.getByText("Nobody is live right now.")).toBeTruthy();
  });

  it("takes a code in any spelling and leads to its session", async () => {
    const api = new FakeApi();
    api.codes.set("K7M2QX", "friday-night");
    const { pass, world } = await open("/", api);
    const field = screen.getByRole("textbox", { name: "Code from the DJ’s screen" });
    fireEvent.input(field, { target: { value: "k7m" } });
    fireEvent.click(screen.getByRole("button", { name: "Join" }));
    await pass(0);
    expect(screen.getByText("A code has six letters and digits.")).toBeTruthy();
    fireEvent.input(field, { target: { value: "k7m-2qx " } });
    fireEvent.click(screen.getByRole("button", { name: "Join" }));
    await pass(0);
    await pass(0);
    expect(api.asked).toContain("join K7M2QX");
    expect(location.pathname).toBe("/s/friday-night");
    expect(world.sockets).toHaveLength(1);
  });
});

describe("a link with a code", () => {
  it("says when the code opens nothing", async () => {
    await open("/j/zzzzzz");
    expect(screen.getByRole("heading", { name: "No session has this code" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "Join" })).toBeTruthy();
  });

  it("can be tried again when the server was not reached", async () => {
    const api = new FakeApi();
    api.down = true;
    api.codes.set("K7M2QX", "friday-night");
    const { pass } = await open("/j/K7M2QX", api);
    api.down = false;
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await pass(0);
    await pass(0);
    expect(location.pathname).toBe("/s/friday-night");
  });
});

it("says that an unknown address leads nowhere", async () => {
  await open("/s/short");
  expect(screen.getByRole("heading", { name: "There is nothing here" })).toBeTruthy();
});

describe("the recap", () => {
  const recap: Recap = {
    sessionId: "friday-night",
    djName: "DJ Test",
    startedAt: Date.parse("2026-03-01T19:00:00Z"),
    endedAt: Date.parse("2026-03-01T23:00:00Z"),
    totalLikes: 7,
    tracks: [
      { position: 1, track: { ...song("One"), said: song("One"), bpm: 96 }, likes: 2 },
      {
        position: 2,
        track: { ...song("<i>Two</i>"), said: song("<i>Two</i>") },
        likes: 5,
        tempo: { slower: 1, perfect: 6, faster: 3 },
      },
    ],
  };

  async function recapOf(found: Recap) {
    const api = new FakeApi();
    api.recaps.set("friday-night", found);
    const page = await open("/s/friday-night/recap", api);
    await screen.findByRole("heading", { name: "DJ Test" });
    return page;
  }

  it("shows tracks with likes and tempo, and a chart that can be read aloud", async () => {
    await recapOf(recap);
    expect(screen.getByText("7 likes")).toBeTruthy();
    const list = screen.getByRole("region", { name: "Tracks" });
    expect(within(list).getByText("<i>Two</i>")).toBeTruthy();
    expect(document.querySelector("i")).toBeNull();
    expect(screen.getByRole("img", { name: "Tempo: 1 slower, 6 perfect, 3 faster" })).toBeTruthy();
    const chart = screen.getByRole("img", { name: /Likes of 2 tracks.*most for <i>Two<\/i>, 5/ });
    const bars = [...chart.querySelectorAll("rect")].map((bar) =>
      Number(bar.getAttribute("height")),
    );
    expect(bars[1]).toBeGreaterThan((bars[0] ?? 0) * 2);
    expect(screen.queryByRole("heading", { name: "Polls" })).toBeNull();
  });

  it("shows polls only to whom the server tells them", async () => {
    const poll = {
      question: "Next?",
      options: ["A", "B"],
      votes: [1, 3],
      totalVotes: 4,
      winnerIndex: 1,
    };
    await recapOf({ ...recap, polls: [poll] });
    expect(screen.getByRole("heading", { name: "Polls" })).toBeTruthy();
    expect(screen.getByText("4 votes")).toBeTruthy();
  });

  it("says when there is none", async () => {
    await open("/s/friday-night/recap");
    await screen.findByRole("heading", { name: "There is no recap" });
  });
});

describe("one's own likes", () => {
  const like = (id: number, title: string, sessionId = "friday-night") => ({
    id,
    sessionId,
    track: { ...song(title), said: song(title) },
    likedAt: Date.parse("2026-03-01T21:00:00Z"),
    djName: "DJ Test",
    sessionDate: Date.parse("2026-03-01T19:00:00Z"),
  });

  it("stand evening by evening, with those that wait on this phone above them", async () => {
    const api = new FakeApi();
    api.likes = {
      total: 120,
      likes: [like(3, "Three"), like(2, "Two"), like(1, "One", "earlier-on")],
    };
    const page = visit("/likes", api);
    const unsent = [
      { sessionId: "friday-night", ...song("<b>Kept</b>"), at: page.world.wallClock() },
    ];
    page.world.storage.set("pika.likes.unsent", JSON.stringify(unsent));
    expect(await screen.findAllByRole("region", { name: "DJ Test" })).toHaveLength(2);
    expect(screen.getByText(/120 likes, the newest 3/)).toBeTruthy();
    expect(screen.getByTestId("likes-waiting").textContent).toContain("<b>Kept</b>");
  });

  it("of somebody new are none, and a server that is away is asked again", async () => {
    const api = new FakeApi();
    api.down = true;
    visit("/likes", api);
    await screen.findByText("Your likes could not be loaded.");
    api.down = false;
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByText(/Nothing yet/);
  });
});
