/// <reference types="vite/client" />
import { describe, expect, it } from "vitest";
import sample from "../../../samples/wcs-night.m3u?raw";
import {
  DjClient,
  fromRemoteLink,
  keepSession,
  keptSession,
  NOBODY,
  readHistory,
  remoteLink,
  textOf,
} from "../src/dj/index.ts";
import { ack, ID, join, nack, nowPlaying, song, World } from "./world.ts";

const SESSION = {
  sessionId: ID,
  djName: "DJ Test",
  ownerToken: "pk_own_secret",
  joinUrl: "https://pika.example/j/K7M2QX",
  joinCode: "K7M2QX",
};

function booth(world = new World()) {
  const dj = new DjClient({ url: "wss://pika.example/ws", session: SESSION, platform: world });
  dj.open();
  return { world, dj };
}

async function live(state: unknown[] = [], world = new World()) {
  const { dj } = booth(world);
  const socket = join(world, state);
  ack(socket, "REGISTER_SESSION");
  await world.pass(0);
  return { world, dj, socket };
}

describe("being the DJ", () => {
  it("learns the session first, then claims it, and is live only after that", async () => {
    const { world, dj } = booth();
    const socket = join(world, [nowPlaying("One")]);
    expect(dj.current.floor.connection.kind).toBe("connecting");
    expect(socket.said("REGISTER_SESSION")[0]).toMatchObject({
      sessionId: ID,
      token: "pk_own_secret",
    });
    ack(socket, "REGISTER_SESSION");
    expect(dj.current.floor.connection.kind).toBe("live");
    expect(dj.current.floor.track?.title).toBe("One");
  });

  it("does not bring a session back that is over", async () => {
    const { world, dj } = booth();
    const socket = join(world, [{ type: "SESSION_ENDED", sessionId: ID }]);
    await world.pass(1_000);
    expect(socket.said("REGISTER_SESSION")).toEqual([]);
    expect(dj.current.floor.phase).toBe("ended");
  });

  it("says why it is not the DJ", async () => {
    const { world, dj } = booth();
    nack(join(world), "REGISTER_SESSION", "Session belongs to another DJ");
    expect(dj.current.floor.connection).toMatchObject({ kind: "refused" });
  });

  it("counts each like and feels the tempo, minute by minute, over a reload too", async () => {
    const { world, dj, socket } = await live([nowPlaying("One")]);
    const like = { type: "LIKE_RECEIVED", payload: { track: song("One") } };
    socket.tell(like, like, like);
    socket.tell({ type: "TEMPO_FEEDBACK", sessionId: ID, faster: 3, slower: 1, perfect: 0 });
    await world.pass(250);
    expect(dj.current.likesPerMinute).toBe(3);
    expect(dj.current.floor.recent[0]?.likes).toBe(3);
    expect(dj.current.crowd.at(-1)).toMatchObject({ likes: 3, listeners: 3, tempo: 0.5 });
    for (let i = 0; i < 7; i += 1) {
      await world.pass(9_000);
      socket.tell({ type: "PONG", timestamp: new Date(world.wallClock()).toISOString() });
    }
    socket.tell(like);
    await world.pass(250);
    expect(dj.current.likesPerMinute).toBe(1);
    expect(dj.current.crowd.map((minute) => minute.likes)).toEqual([3, 1]);
    dj.close();
    expect(booth(world).dj.current.crowd[0]?.likes).toBe(3);
  });

  it("knows of the evening before it was opened what the recap knows, and not twice", async () => {
    const { world, dj, socket } = await live();
    socket.tell({ type: "LIKE_RECEIVED", payload: { track: song("One") } });
    await world.pass(300);
    const now = dj.serverNow();
    const early = { at: now - 30 * 60_000, likes: 4, tempo: 0 };
    const evening = [early, { ...early, likes: 1, tempo: -1 }, { at: now, likes: 7, tempo: 0 }];
    for (let i = 0; i < 2; i += 1) dj.recall(evening);
    await world.pass(300);
    const shown = () => dj.current.crowd.map(({ likes, listeners }) => [likes, listeners]);
    expect(shown()).toEqual([
      [5, null],
      [1, 3],
    ]);
    expect(dj.current.crowd[0]?.tempo).toBe(-1);
    // Kept over a reload, as what it is.
    expect(booth(world).dj.current.crowd[0]).toMatchObject({ likes: 5, listeners: null });
  });

  it("tells of a flood of likes a few times a second", async () => {
    const { world, dj, socket } = await live([nowPlaying("One")]);
    let told = 0;
    dj.watch(() => (told += 1));
    for (let i = 0; i < 500; i += 1) {
      socket.tell({ type: "LIKE_RECEIVED", payload: { track: song("One") } });
    }
    await world.pass(1_000);
    expect(told).toBe(1);
    expect(dj.current.likesPerMinute).toBe(500);
  });
});

describe("the DJ's words", () => {
  it("go one at a time, in order, each until it is stored", async () => {
    const { world, dj, socket } = await live();
    for (const title of ["One", "Two"]) dj.play(song(title));
    dj.stop();
    expect(socket.said("BROADCAST_TRACK")).toHaveLength(1);
    expect(socket.said("BROADCAST_TRACK")[0]).toMatchObject({ track: song("One") });
    ack(socket, "BROADCAST_TRACK");
    expect(socket.said("BROADCAST_TRACK")[1]).toMatchObject({ track: song("Two") });
    expect(socket.said("TRACK_STOPPED")).toEqual([]);
    ack(socket, "BROADCAST_TRACK");
    ack(socket, "TRACK_STOPPED");
    await world.pass(250);
    expect(dj.current.waiting).toEqual([]);
  });

  it("are sent again under the same id after a lost connection, and after a closed page", async () => {
    const { world, dj, socket } = await live();
    dj.play(song("One"));
    const first = socket.said("BROADCAST_TRACK")[0];
    dj.play(song("Two"));
    socket.lose();
    await world.pass(60_000);
    dj.close();
    const again = await live([], world);
    expect(again.dj.current.waiting).toHaveLength(2);
    expect(again.socket.said("BROADCAST_TRACK")[0]).toEqual(first);
    ack(again.socket, "BROADCAST_TRACK");
    expect(again.socket.said("BROADCAST_TRACK")[1]).toMatchObject({ track: song("Two") });
  });

  it("wait when the server says later, and go past one that it will not have", async () => {
    const { world, dj, socket } = await live();
    dj.play(song("One"));
    dj.play(song("Two"));
    nack(socket, "BROADCAST_TRACK", "Rate limit exceeded (wait 5s)");
    expect(socket.said("BROADCAST_TRACK")).toHaveLength(1);
    await world.pass(1_500);
    expect(socket.said("BROADCAST_TRACK")).toHaveLength(2);
    nack(socket, "BROADCAST_TRACK", "Invalid message");
    await world.pass(250);
    expect(dj.current.refusal).toMatchObject({
      about: "BROADCAST_TRACK",
      words: "Invalid message",
    });
    expect(socket.said("BROADCAST_TRACK").at(-1)).toMatchObject({ track: song("Two") });
  });

  it("can be taken back while the end has not left", async () => {
    const { world, dj, socket } = await live();
    socket.lose();
    dj.end();
    await world.pass(250);
    expect(dj.current.waiting.map((word) => word.type)).toEqual(["END_SESSION"]);
    expect(dj.withdrawEnd()).toBe(true);
    await world.pass(250);
    expect(dj.current.waiting).toEqual([]);
    expect(dj.withdrawEnd()).toBe(false);
  });

  it("reach closed pages only where that was asked for", async () => {
    const { dj, socket } = await live();
    const both = [dj.announce("Water is at the bar"), dj.announce("Social at ten", 300, true)];
    const [open, closed] = socket.said("SEND_ANNOUNCEMENT");
    expect(open).not.toHaveProperty("push");
    expect(closed).toMatchObject({ message: "Social at ten", durationSeconds: 300, push: true });
    for (const nth of [0, 1]) ack(socket, "SEND_ANNOUNCEMENT", nth);
    await Promise.all(both);
  });

  it("about this moment are refused at once where there is no connection", async () => {
    const { world, dj, socket } = await live();
    const poll = dj.startPoll({ question: "Next?", options: ["Blues", "Soul"] });
    ack(socket, "START_POLL");
    await poll;
    socket.lose();
    await expect(dj.announce("Water is at the bar")).rejects.toThrow("Not connected");
    dj.close();
    expect(world.timersLeft).toBe(0);
  });
});

describe("a session of one's own", () => {
  it("is kept over a reload, and given to a remote behind the #", () => {
    const { storage } = new World();
    expect(keptSession(storage)).toBeNull();
    keepSession(storage, SESSION);
    expect(keptSession(storage)).toEqual(SESSION);
    const odd = { ...SESSION, djName: "DJ, Ä & #1" };
    const link = new URL(remoteLink(odd, "https://pika.example/dj"));
    expect(link.pathname).toBe("/dj");
    expect(fromRemoteLink(link.hash)).toEqual(odd);
    for (const wrong of ["", "#remote=", "#remote=a,b", "#remote=%E0%A4%A,b,c,d,e"]) {
      expect(fromRemoteLink(wrong)).toBeNull();
    }
  });
});

describe("a history", () => {
  const names = (text: string) =>
    readHistory(text).tracks.map(({ artist, title }) => `${artist} – ${title}`);

  it("of VirtualDJ is read whole", () => {
    const { tracks, unreadable } = readHistory(sample);
    expect(unreadable).toEqual([]);
    expect(tracks).toHaveLength(40);
    expect(tracks[0]).toEqual({
      title: "Rolling in the Deep",
      artist: "Adele",
      bpm: 105,
      seconds: 228,
      playedAt: 1_769_284_800_000,
    });
    expect(tracks.map((track) => track.title)).toContain("Suit & Tie");
    expect(tracks.map((track) => track.title)).toContain("(Sittin' On) The Dock of the Bay");
    expect(tracks.every((track) => track.artist !== NOBODY)).toBe(true);
  });

  it("may be an M3U of a plain player, or lines that somebody typed", () => {
    const m3u =
      '#EXTM3U\n#EXTINF:228,Adele - Rolling in the Deep\n/music/a.mp3\n#EXTINF:-1 tvg-id="x",Prince - Kiss\n/music/b.mp3\n\n/music/Tom Misch - Movie.flac\n#EXTINF:10\n';
    expect(names(m3u)).toEqual([
      "Adele – Rolling in the Deep",
      "Prince – Kiss",
      "Tom Misch – Movie",
    ]);
    expect(readHistory(m3u).unreadable).toEqual([8]);
    expect(names("Prince - Kiss\r\n\r\nRay Charles – Mess Around\nJust a title\n")).toEqual([
      "Prince – Kiss",
      "Ray Charles – Mess Around",
      `${NOBODY} – Just a title`,
    ]);
  });

  it("may be escaped, strange, or of old letters", () => {
    const line = (tags: string) => names(`#EXTVDJ:${tags}\nD:\\Music\\Prince - Kiss.mp3\n`);
    expect(
      line("<artist>A &amp; B</artist><title>[Live] &lt;3 &#233;&#xe9; &unknown; &</title>"),
    ).toEqual(["A & B – [Live] <3 éé &unknown; &"]);
    expect(line("<title>Kiss</title><bpm>112</bpm>")).toEqual(["Prince – Kiss"]);
    expect(line("<artist>A</artist><title>B</title><remix>Club Mix</remix>")).toEqual([
      "A – B (Club Mix)",
    ]);
    const bpm = (words: string) =>
      readHistory(`#EXTVDJ:<artist>A</artist><title>B</title><bpm>${words}</bpm>`).tracks[0]?.bpm;
    expect(["112", "0.5", "12", "NaN", "fast"].map(bpm)).toEqual([
      112,
      120,
      undefined,
      undefined,
      undefined,
    ]);
    const latin = Uint8Array.from("Beyonc\u00e9 - Halo", (letter) => letter.charCodeAt(0));
    expect(names(textOf(latin))).toEqual(["Beyoncé – Halo"]);
  });

  it("keeps every limit, whatever it holds", () => {
    const long = "x".repeat(2_000);
    const { tracks, unreadable } = readHistory(
      `${long} - ${long}\n\u0000\u0007\n\u202e\u202e - \u202e`,
    );
    expect(tracks).toHaveLength(1);
    expect(unreadable).toEqual([2, 3]);
    expect(tracks[0]?.title).toHaveLength(500);
    expect(tracks[0]?.artist).toHaveLength(500);
    expect(readHistory("a - b\n".repeat(5_000)).tracks).toHaveLength(2_000);
  });
});
