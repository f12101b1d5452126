import { describe, expect, it } from "vitest";
import { read } from "../src/decode.ts";
import { act } from "../src/local.ts";
import { reduce } from "../src/reduce.ts";
import { initialState, ownVote, type LiveState } from "../src/state.ts";
import { trackFrom } from "../src/track.ts";
import { ID, nowPlaying, song, STARTED } from "./world.ts";

function after(messages: object[], from: LiveState = initialState(ID)): LiveState {
  return messages.reduce<LiveState>((state, message) => {
    const decoded = read(JSON.stringify(message));
    if (!decoded.ok) throw new Error(`the test says nonsense: ${JSON.stringify(message)}`);
    return reduce(state, decoded.message);
  }, from);
}

const titles = (state: LiveState) => state.recent.map((played) => played.track.title);
const started = (startTime = STARTED) => ({
  type: "SESSION_STARTED",
  sessionId: ID,
  djName: "DJ Test",
  startTime,
});
const ended = { type: "SESSION_ENDED", sessionId: ID };
const like = (title: string) => ({ type: "LIKE_RECEIVED", payload: { track: song(title) } });
const poll = {
  type: "POLL_STARTED",
  sessionId: ID,
  pollId: 7,
  question: "Next?",
  options: ["A", "B"],
};

const tempo = {
  type: "TEMPO_FEEDBACK",
  sessionId: ID,
  faster: 2,
  slower: 0,
  perfect: 1,
  total: 3,
};

describe("tracks", () => {
  it("shows the newest and lists the earlier ones", () => {
    const state = after([nowPlaying("One"), nowPlaying("Two")]);
    expect(state.track?.title).toBe("Two");
    expect(titles(state)).toEqual(["Two", "One"]);
    expect(state).toMatchObject({ phase: "live", djName: "DJ Test" });
  });

  it("does not list a track twice that is told again after a lost connection", () => {
    expect(titles(after([nowPlaying("One"), like("One"), nowPlaying("One")]))).toEqual(["One"]);
  });

  it("corrects the current track only", () => {
    const fix = {
      type: "METADATA_UPDATED",
      sessionId: ID,
      track: { ...song("One"), bpm: 96.5, key: "8A" },
    };
    expect(after([nowPlaying("One"), fix]).track).toMatchObject({ bpm: 96.5, key: "8A" });
    const late = after([nowPlaying("One"), nowPlaying("Two"), fix]);
    expect(late.track?.bpm).toBeUndefined();
  });

  it("stops", () => {
    const state = after([nowPlaying("One"), { type: "TRACK_STOPPED", sessionId: ID }]);
    expect(state.track).toBeUndefined();
    expect(titles(state)).toEqual(["One"]);
  });

  it("counts likes for the latest play, and none for a track it does not know", () => {
    const state = after([
      nowPlaying("One"),
      nowPlaying("Two"),
      like("one"),
      like("One"),
      like("?"),
    ]);
    expect(state.recent.map((played) => played.likes)).toEqual([0, 2]);
  });

  it("keeps the list bounded", () => {
    const night = Array.from({ length: 120 }, (_, i) => nowPlaying(`Song ${i}`));
    expect(after(night).recent).toHaveLength(50);
  });
});

describe("whose messages these are", () => {
  it("ignores what concerns another session", () => {
    const other = { sessionId: "another-one" };
    const before = after([nowPlaying("One"), poll]);
    const state = after(
      [
        { ...nowPlaying("Theirs"), ...other },
        { ...ended, ...other },
        { ...started(), ...other },
        { type: "LISTENER_COUNT", count: 9, ...other },
        { type: "TEMPO_FEEDBACK", faster: 1, slower: 1, perfect: 1, total: 3, ...other },
        { ...poll, pollId: 8, ...other },
        { type: "POLL_UPDATE", pollId: 7, votes: [9, 9], totalVotes: 18, ...other },
        { type: "SESSIONS_LIST", sessions: [{ ...other, djName: "Them" }] },
      ],
      before,
    );
    expect(state).toEqual(before);
  });

  it("believes its own listener count", () => {
    expect(after([{ type: "LISTENER_COUNT", sessionId: ID, count: 9 }]).listeners).toBe(9);
  });
});

describe("the session", () => {
  it("wipes the evening when a new run begins", () => {
    const before = act(after([started(), nowPlaying("One"), poll, like("One")]), {
      type: "like-mark",
      key: "k",
      mark: "liked",
    });
    const state = after([started("2026-03-02T19:00:00Z")], before);
    expect(state).toMatchObject({ phase: "live", recent: [], likes: {} });
    expect(state.track).toBeUndefined();
    expect(state.poll).toBeUndefined();
  });

  it("wipes nothing when one beginning is told twice", () => {
    expect(titles(after([started(), nowPlaying("One"), started()]))).toEqual(["One"]);
  });

  it("shows the end, and comes alive again", () => {
    const over = after([nowPlaying("One"), poll, ended]);
    expect(over.phase).toBe("ended");
    expect(over.track).toBeUndefined();
    expect(over.poll).toBeUndefined();
    expect(titles(over)).toEqual(["One"]);
    const again = after([started(), nowPlaying("Two")], over);
    expect(again.phase).toBe("live");
    expect(titles(again)).toEqual(["Two"]);
  });

  it("notices in the list that a run was missed while away", () => {
    const list = (startedAt: string) => ({
      type: "SESSIONS_LIST",
      sessions: [{ sessionId: ID, djName: "DJ Test", startedAt }],
    });
    const first = after([list(STARTED), nowPlaying("One")]);
    expect(titles(after([list(STARTED)], first))).toEqual(["One"]);
    expect(titles(after([list("2026-03-02T19:00:00Z")], first))).toEqual([]);
  });

  it("drops what a fresh state does not mention, but keeps what it knows of the same track", () => {
    const note = {
      type: "ANNOUNCEMENT_RECEIVED",
      sessionId: ID,
      message: "Hi",
      djName: "M",
      timestamp: STARTED,
    };
    const fresh = { type: "SUBSCRIBED", sessionId: ID, epoch: 1, seq: 3, recovered: false };
    const before = after([nowPlaying("One"), tempo, poll, note]);
    const state = after([fresh, nowPlaying("One")], before);
    expect(state.poll).toBeUndefined();
    expect(state.announcement).toBeUndefined();
    expect(state.tempo.faster).toBe(2);
    expect(after([{ ...fresh, recovered: true }], before)).toBe(before);
  });

  it("is away only while it is live, and back with the next track", () => {
    const away = { type: "dj-away", away: true } as const;
    expect(act(initialState(ID), away).djAway).toBe(false);
    const state = act(after([nowPlaying("One")]), away);
    expect(state.djAway).toBe(true);
    expect(after([nowPlaying("Two")], state).djAway).toBe(false);
  });
});

describe("tempo, thanks and announcements", () => {
  it("starts again at each track", () => {
    const state = act(after([nowPlaying("One"), tempo]), {
      type: "tempo-wish",
      preference: "faster",
    });
    expect(state.tempo).toEqual({ faster: 2, slower: 0, perfect: 1 });
    for (const message of [nowPlaying("Two"), { type: "TEMPO_RESET", sessionId: ID }]) {
      const next = after([message], state);
      expect(next.tempo).toEqual({ faster: 0, slower: 0, perfect: 0 });
      expect(next.ownTempo).toBeUndefined();
    }
  });

  it("keeps an announcement until it is taken back, and counts thanks", () => {
    const note = {
      type: "ANNOUNCEMENT_RECEIVED",
      sessionId: ID,
      message: "Last \u202e song",
      djName: "DJ Test",
      timestamp: STARTED,
      endsAt: "2026-03-01T19:10:00Z",
    };
    const thanks = { type: "REACTION_RECEIVED", sessionId: ID, reaction: "thank_you" };
    const state = after([note, thanks, thanks, { ...thanks, reaction: "boo" }]);
    expect(state.announcement).toMatchObject({
      message: "Last song",
      endsAt: Date.parse("2026-03-01T19:10:00Z"),
    });
    expect(state.thanks).toBe(2);
    expect(
      after([{ type: "ANNOUNCEMENT_CANCELLED", sessionId: ID }], state).announcement,
    ).toBeUndefined();
  });
});

describe("a snapshot of the evening", () => {
  const snapshot = (...played: [string, number][]) => ({
    type: "snapshot" as const,
    tracks: played.map(([title, likes]) => ({ track: trackFrom(song(title)), likes })),
  });

  it("fills in what was played before the page was opened, with its likes", () => {
    const state = act(after([nowPlaying("Three")]), snapshot(["Three", 4], ["Two", 2], ["One", 1]));
    expect(titles(state)).toEqual(["Three", "Two", "One"]);
    expect(state.recent.map((played) => played.likes)).toEqual([4, 2, 1]);
  });

  it("does not lose a track that was heard while the answer was on its way", () => {
    const state = act(
      after([nowPlaying("Two"), nowPlaying("Three")]),
      snapshot(["Two", 2], ["One", 1]),
    );
    expect(titles(state)).toEqual(["Three", "Two", "One"]);
    const behind = act(after([nowPlaying("Two")]), snapshot(["One", 1]));
    expect(titles(behind)).toEqual(["Two", "One"]);
  });

  it("changes nothing when the answer is empty", () => {
    expect(titles(act(after([nowPlaying("One")]), snapshot()))).toEqual(["One"]);
  });
});

it("remembers one's own vote across a fresh state that leaves it out", () => {
  const confirmed = {
    type: "VOTE_CONFIRMED",
    pollId: 7,
    optionIndex: 1,
    votes: [0, 1],
    totalVotes: 1,
  };
  const fresh = { type: "SUBSCRIBED", sessionId: ID, epoch: 1, seq: 3, recovered: false };
  const state = after([poll, confirmed, fresh, poll]);
  expect(ownVote(state)).toMatchObject({ standing: "counted", optionIndex: 1 });
  expect(ownVote(after([{ ...poll, pollId: 8 }], state))).toBeUndefined();
});
