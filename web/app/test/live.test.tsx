import { fireEvent, screen, within } from "@testing-library/preact";
import { act } from "@testing-library/preact";
import { ack, join, nack, nowPlaying, song, STARTED } from "../../client/test/world.ts";
import { describe, expect, it, vi } from "vitest";
import { dance, FakeApi, invited, SESSION, visit } from "./page.tsx";

const text = (id: string) => screen.getByTestId(id).textContent;
const pressed = (id: string) => screen.getByTestId(id).getAttribute("aria-pressed");

describe("now playing", () => {
  it("shows the track, the DJ, the crowd and the connection", async () => {
    await dance([
      {
        type: "NOW_PLAYING",
        sessionId: SESSION,
        track: { ...song("One", "Band"), bpm: 96.4, key: "8A" },
      },
    ]);
    expect(text("track-title")).toBe("One");
    expect(text("track-artist")).toBe("Band");
    expect(screen.getByRole("list", { name: "About this track" }).textContent).toContain("96 BPM");
    expect(text("listener-count")).toBe("3");
    expect(text("connection-state")).toBe("Live");
    expect(document.title).toContain("One – Band");
    expect(screen.getByText("DJ Test")).toBeTruthy();
  });

  it("moves a track to the list when the next one starts, and says so aloud", async () => {
    const { hear } = await dance([nowPlaying("One")]);
    await hear(nowPlaying("Two", 11));
    expect(text("track-title")).toBe("Two");
    const list = screen.getByRole("region", { name: "Earlier" });
    expect(within(list).getByText("One")).toBeTruthy();
    expect(text("spoken")).toBe("Now playing: Two by The Band");
  });

  it("keeps markup as text and lets nobody turn the words around", async () => {
    const { hear } = await dance();
    await hear(nowPlaying("<img src=x onerror=alert(1)>\u202eevil", 11), {
      type: "POLL_STARTED",
      sessionId: SESSION,
      pollId: 7,
      question: "<script>alert(1)</script>",
      options: ["<b>A</b>", "B"],
    });
    expect(text("track-title")).toBe("<img src=x onerror=alert(1)>evil");
    expect(document.querySelectorAll("img, script, b")).toHaveLength(0);
    expect(screen.getByTestId("poll").textContent).toContain("<b>A</b>");
    expect(screen.getByTestId("track-title").querySelector("bdi")).toBeTruthy();
  });

  it("fills the list from the recap, with likes", async () => {
    const api = new FakeApi();
    api.recaps.set(SESSION, {
      sessionId: SESSION,
      djName: "DJ Test",
      totalLikes: 5,
      tracks: ["Zero", "One"].map((title, i) => ({
        position: i + 1,
        likes: 2 + i,
        track: { ...song(title), said: song(title) },
      })),
    });
    const { pass } = await dance([nowPlaying("One")], api);
    await pass(0);
    expect(screen.getByRole("button", { name: "Like Zero, 2 likes" })).toBeTruthy();
    expect(screen.getByTestId("like-button").textContent).toContain("3 likes");
  });
});

describe("liking", () => {
  it("follows the thumb at once, and undoes", async () => {
    const { socket, hear, pass } = await dance([nowPlaying("One")]);
    const heart = screen.getByRole("button", { name: /Like One/ });
    fireEvent.click(heart);
    await pass(0);
    expect(pressed("like-button")).toBe("true");
    expect(heart.textContent).toContain("Sending");
    ack(socket, "SEND_LIKE");
    await hear();
    expect(heart.textContent).toContain("Tap to undo");
    fireEvent.click(heart);
    await pass(0);
    expect(pressed("like-button")).toBe("false");
    expect(socket.said("REMOVE_LIKE")).toHaveLength(1);
  });

  it("says why a like did not go through", async () => {
    const { socket, hear, pass } = await dance([nowPlaying("One")]);
    fireEvent.click(screen.getByTestId("like-button"));
    await pass(0);
    nack(socket, "SEND_LIKE", "Rate limit exceeded (max 10/min)");
    await hear();
    expect(screen.getByText(/ten likes a minute/)).toBeTruthy();
    await pass(6_000);
    expect(screen.queryByText(/ten likes a minute/)).toBeNull();
  });

  it("keeps likes on the phone while it is not connected, and says how many", async () => {
    const { world, socket, pass } = await dance([nowPlaying("One")]);
    await act(async () => socket.lose());
    expect(screen.getByTestId("connection-state").dataset["state"]).toBe("reconnecting");
    fireEvent.click(screen.getByTestId("like-button"));
    await pass(0);
    expect(text("connection-state")).toBe("Reconnecting… · 1 like waiting");
    await pass(1_000);
    await act(async () => {
      ack(join(world, [nowPlaying("One")]), "SEND_BULK_LIKE");
      await world.pass(0);
    });
    expect(text("connection-state")).toBe("Live");
    expect(pressed("like-button")).toBe("true");
  });
});

describe("tempo", () => {
  it("marks one's own wish, takes it back, and shows everybody's", async () => {
    const { socket, hear, pass } = await dance([nowPlaying("One")]);
    fireEvent.click(screen.getByRole("button", { name: /^Faster/ }));
    await pass(0);
    expect(pressed("tempo-faster")).toBe("true");
    ack(socket, "SEND_TEMPO_REQUEST");
    await hear({
      type: "TEMPO_FEEDBACK",
      sessionId: SESSION,
      faster: 4,
      slower: 1,
      perfect: 0,
      total: 5,
    });
    expect(screen.getByRole("button", { name: "Faster, 4 dancers" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "Slower, 1 dancer" })).toBeTruthy();
    fireEvent.click(screen.getByTestId("tempo-faster"));
    await pass(0);
    expect(pressed("tempo-faster")).toBe("false");
    expect(socket.said("SEND_TEMPO_REQUEST").at(-1)?.["preference"]).toBe("clear");
  });
});

describe("a poll", () => {
  const SERVER = Date.parse("2026-03-01T20:00:00Z");
  const poll = {
    type: "POLL_STARTED",
    sessionId: SESSION,
    pollId: 7,
    question: "What next?",
    options: ["Blues", "Funk"],
    endsAt: new Date(SERVER + 65_000).toISOString(),
    seq: 11,
  };
  const opened = async (more: object = {}) => {
    const page = await dance([nowPlaying("One")]);
    const pong = { type: "PONG", timestamp: new Date(SERVER).toISOString() };
    await page.hear(pong, { ...poll, ...more });
    return page;
  };

  it("counts down by the server's clock, whatever the phone's says", async () => {
    const { pass } = await opened();
    expect(screen.getByRole("heading", { name: "What next?" })).toBeTruthy();
    expect(screen.getByRole("timer").textContent).toContain("1:05");
    await pass(5_000);
    expect(text("poll-countdown")).toContain("1:00");
    await pass(60_000);
    expect(text("poll-countdown")).toContain("0:00");
    expect(screen.getByTestId("poll").textContent).toContain("counting the last ones");
    expect(screen.getByTestId("poll-option-0").getAttribute("aria-disabled")).toBe("true");
  });

  it("comes in below what is pressed, and calls whoever does not see it", async () => {
    let tell: (seen: boolean) => void = () => {};
    class Observer {
      constructor(look: (entries: { isIntersecting: boolean }[]) => void) {
        tell = (isIntersecting) => look([{ isIntersecting }]);
      }
      observe() {}
      disconnect() {}
    }
    vi.stubGlobal("IntersectionObserver", Observer);
    try {
      const { pass } = await opened();
      const card = screen.getByTestId("poll");
      for (const id of ["like-button", "tempo-faster", "thanks-button"]) {
        const before = screen.getByTestId(id).compareDocumentPosition(card);
        expect(before & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
      }
      expect(screen.queryByTestId("poll-call")).toBeNull();
      await act(async () => tell(false));
      await pass(0);
      const call = screen.getByRole("button", { name: /^Poll What next\?/ });
      fireEvent.click(call);
      expect(document.activeElement).toBe(card);
      await act(async () => tell(true));
      await pass(0);
      expect(screen.queryByTestId("poll-call")).toBeNull();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("shows what others chose to whoever has chosen", async () => {
    const { hear } = await opened();
    await hear({
      type: "POLL_UPDATE",
      sessionId: SESSION,
      pollId: 7,
      votes: [1, 2],
      totalVotes: 3,
    });
    expect(screen.getByTestId("poll").textContent).toContain("3 votes");
    expect(screen.getByTestId("poll").textContent).not.toContain("%");
    expect(screen.getByRole("button", { name: "Funk" })).toBeTruthy();
    expect(screen.getByTestId("poll-option-1").style.getPropertyValue("--share")).toBe("0");
    await hear({ type: "VOTE_CONFIRMED", pollId: 7, optionIndex: 0, votes: [2, 2], totalVotes: 4 });
    expect(screen.getByRole("button", { name: /^Funk ?, 2 votes, 50 %$/ })).toBeTruthy();
  });

  it("hides what it is asked to hide from whoever has chosen too, until the end", async () => {
    const { hear } = await opened({ hideResults: true });
    await hear({ type: "VOTE_CONFIRMED", pollId: 7, optionIndex: 0, votes: [0, 0], totalVotes: 0 });
    expect(screen.getByTestId("poll").textContent).toContain("Results at the end");
    expect(screen.getByTestId("poll").textContent).not.toMatch(/%|\d votes?/);
    await hear({ type: "POLL_ENDED", pollId: 7, results: [1, 3], totalVotes: 4, winnerIndex: 1 });
    expect(screen.getByTestId("poll").textContent).toContain("4 votes");
    expect(screen.getByTestId("poll-option-1").style.getPropertyValue("--share")).toBe("0.75");
  });

  it("marks one's own vote, then locks, then says that it counts", async () => {
    const { socket, hear, pass } = await opened();
    fireEvent.click(screen.getByRole("button", { name: /^Funk/ }));
    await pass(0);
    expect(pressed("poll-option-1")).toBe("true");
    expect(screen.getByTestId("poll").textContent).toContain("Sending your vote");
    fireEvent.click(screen.getByTestId("poll-option-0"));
    expect(socket.said("VOTE_ON_POLL")).toHaveLength(1);
    ack(socket, "VOTE_ON_POLL");
    await hear({ type: "VOTE_CONFIRMED", pollId: 7, optionIndex: 1, votes: [1, 3], totalVotes: 4 });
    expect(screen.getByText("Your vote for “Funk” counts.")).toBeTruthy();
    expect(screen.getByRole("button", { name: /^Funk Your vote ?, 3 votes, 75 %$/ })).toBeTruthy();
    expect(screen.getByTestId("poll-option-1").style.getPropertyValue("--share")).toBe("0.75");
  });

  it("says in words why a vote was rejected, and unlocks only where that helps", async () => {
    const { hear, pass, socket } = await opened();
    fireEvent.click(screen.getByTestId("poll-option-0"));
    await pass(0);
    await hear({ type: "VOTE_REJECTED", pollId: 7, reason: "Already voted" });
    expect(screen.getByText("You had voted already, and that vote stands.")).toBeTruthy();
    expect(pressed("poll-option-0")).toBe("false");
    fireEvent.click(screen.getByTestId("poll-option-1"));
    expect(socket.said("VOTE_ON_POLL")).toHaveLength(1);
  });

  it("shows the result until it is put away", async () => {
    const { hear, pass } = await opened();
    await hear({
      type: "POLL_ENDED",
      pollId: 7,
      results: [1, 3],
      totalVotes: 4,
      winnerIndex: 1,
      seq: 12,
    });
    expect(text("poll-result")).toBe("Funk wins.");
    expect(screen.queryByTestId("poll-countdown")).toBeNull();
    expect(text("spoken")).toBe("The poll is over: Funk wins.");
    fireEvent.click(screen.getByRole("button", { name: "Put away" }));
    await pass(0);
    expect(screen.queryByTestId("poll")).toBeNull();
  });

  it("shows that a poll was taken back", async () => {
    const { hear } = await opened();
    await hear({
      type: "POLL_ENDED",
      pollId: 7,
      results: [0, 0],
      totalVotes: 0,
      winnerIndex: -1,
      seq: 12,
    });
    expect(text("poll-result")).toBe("It ended without a result.");
  });
});

describe("the session", () => {
  it("shows an announcement until its end by the server's clock", async () => {
    const { hear, pass } = await dance();
    await hear(
      { type: "PONG", timestamp: "2026-03-01T20:00:00Z" },
      {
        type: "ANNOUNCEMENT_RECEIVED",
        sessionId: SESSION,
        message: "Water is free",
        djName: "DJ Test",
        timestamp: STARTED,
        endsAt: "2026-03-01T20:02:00Z",
        seq: 11,
      },
    );
    expect(text("announcement")).toContain("Water is free");
    expect(screen.getByTestId("announcement").querySelector("time")).toBeTruthy();
    await pass(100_000);
    expect(screen.queryByTestId("announcement")).toBeTruthy();
    await pass(21_000);
    expect(screen.queryByTestId("announcement")).toBeNull();
  });

  it("ends with a way to the recap, and comes alive again by itself", async () => {
    const { hear } = await dance([nowPlaying("One")]);
    await hear({ type: "SESSION_ENDED", sessionId: SESSION, seq: 11 });
    const link = within(screen.getByTestId("session-ended")).getByRole("link", {
      name: "See the recap",
    });
    expect(link.getAttribute("href")).toBe(`/s/${SESSION}/recap`);
    expect(screen.queryByTestId("like-button")).toBeNull();
    await hear(
      {
        type: "SESSION_STARTED",
        sessionId: SESSION,
        djName: "DJ Test",
        startTime: "2026-03-02T19:00:00Z",
        seq: 12,
      },
      nowPlaying("Two", 13),
    );
    expect(screen.queryByTestId("session-ended")).toBeNull();
    expect(text("track-title")).toBe("Two");
  });

  it("names the DJ of an evening that is over, and knows no evening where there was none", async () => {
    const over = { type: "SESSION_ENDED", sessionId: SESSION };
    // The server lists what is live; of this session it says nothing more.
    const arrive = async (api = new FakeApi()) => {
      const { world, view } = visit(`/s/${SESSION}`, api);
      await act(async () => {
        world.socket.onopen?.();
        const messageId = world.socket.said("SUBSCRIBE").at(-1)?.["messageId"];
        world.socket.tell(over, { type: "ACK", messageId, status: "ok", timestamp: STARTED });
        await world.pass(0);
      });
      await act(() => world.pass(0));
      return view;
    };
    const stranger = await arrive();
    expect(text("session-ended")).toContain("Nobody is live here.");
    expect(screen.queryByRole("link", { name: "See the recap" })).toBeNull();
    stranger.unmount();
    const api = new FakeApi();
    api.recaps.set(SESSION, { sessionId: SESSION, djName: "DJ Past", totalLikes: 0, tracks: [] });
    await arrive(api);
    expect(text("session-ended")).toContain("The session of DJ Past has ended.");
    expect(text("connection-state")).toBe("Ended");
  });

  it("notices that the DJ is away, and that the DJ is back", async () => {
    const { api, hear, pass } = await dance([nowPlaying("One")]);
    await pass(10_000);
    expect(screen.queryByText(/lost the connection/)).toBeNull();
    api.invitations.set(SESSION, invited(true));
    await hear({ type: "PONG", timestamp: STARTED });
    await pass(29_000);
    expect(screen.getByText(/DJ lost the connection/)).toBeTruthy();
    await hear(nowPlaying("Two", 11));
    expect(screen.queryByText(/lost the connection/)).toBeNull();
  });

  it("waits for a DJ who has not come yet", async () => {
    const api = new FakeApi();
    const { socket, hear } = await dance([{ type: "SESSION_ENDED", sessionId: SESSION }], api);
    expect(screen.getByTestId("session-ended")).toBeTruthy();
    await hear({
      type: "SESSION_STARTED",
      sessionId: SESSION,
      djName: "DJ Test",
      startTime: STARTED,
      seq: 11,
    });
    expect(screen.getByRole("heading", { name: "Between tracks" })).toBeTruthy();
    expect(socket.closedWith).toBeUndefined();
  });

  it("stays away when the server says so, until one asks for it", async () => {
    const { world, socket, pass } = await dance([nowPlaying("One")]);
    const stale = () => document.querySelector(".live")?.getAttribute("data-stale");
    expect(stale()).toBe("false");
    await act(async () => socket.lose(4429));
    expect(stale()).toBe("true");
    expect(screen.getByRole("region", { name: "Last heard" })).toBeTruthy();
    await pass(120_000);
    expect(world.sockets).toHaveLength(1);
    expect(screen.getByRole("alert").textContent).toContain("Too many phones");
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(world.sockets).toHaveLength(2);
    // Asked anew, and not yet answered: still what was heard before.
    expect(stale()).toBe("true");
    await act(async () => {
      join(world, [nowPlaying("Two")]);
      await world.pass(0);
    });
    expect(stale()).toBe("false");
    expect(screen.getByRole("region", { name: "Now playing" })).toBeTruthy();
  });

  it("thanks the DJ once at a time, and shows the floor's thanks", async () => {
    const { socket, hear, pass } = await dance([nowPlaying("One")]);
    fireEvent.click(screen.getByRole("button", { name: "Thank you, DJ" }));
    fireEvent.click(screen.getByRole("button", { name: "Thank you, DJ" }));
    await pass(0);
    expect(socket.said("SEND_REACTION")).toHaveLength(1);
    ack(socket, "SEND_REACTION");
    await hear({ type: "REACTION_RECEIVED", sessionId: SESSION, reaction: "thank_you", seq: 11 });
    expect(screen.getByText("The DJ heard you")).toBeTruthy();
    expect(screen.getByText("1 thank you from the floor")).toBeTruthy();
    await pass(8_000);
    expect(screen.getByRole("button", { name: "Thank you, DJ" })).toBeTruthy();
  });
});

it("takes the focus once, and never out of a dancer's hands", async () => {
  const { hear } = await dance();
  expect(document.activeElement).toBe(screen.getByRole("main"));
  const thanks = screen.getByTestId("thanks-button");
  thanks.focus();
  await hear(nowPlaying("One", 11));
  expect(document.activeElement).toBe(thanks);
});

it("gives every control a name", async () => {
  await dance([nowPlaying("One"), nowPlaying("Two")]);
  for (const control of [...screen.getAllByRole("button"), ...screen.getAllByRole("link")]) {
    const name = control.getAttribute("aria-label") ?? control.textContent ?? "";
    expect(name.trim()).not.toBe("");
  }
});
