// A wall stands there all night, and nobody reloads it.

import { expect } from "vitest";
import type { Page, WebSocketRoute } from "playwright-core";
import { BEAMER } from "./support/booth.ts";
import { eventually } from "./support/dancer.ts";
import { story } from "./support/story.ts";

const ROUNDS = 40;
/** Songs of a round: with what is said of each, twenty thousand messages in all. */
const SONGS = 50;

story(
  "a wall that heard twenty thousand messages holds no more than after the first thousand",
  async ({ floor, dj }) => {
    await dj.play("The real one");
    const person = await floor.person(BEAMER);
    const page = await person.context.newPage();
    let wire: WebSocketRoute | undefined;
    await page.routeWebSocket(/\/ws$/, (socket) => {
      wire = socket;
      socket.connectToServer();
    });
    await page.goto(`/p/${dj.session}`);
    const wall = page.getByTestId("projector");
    await eventually(() => wall.innerText()).toContain("The real one");

    const hear = async (round: number) => {
      for (let song = 0; song < SONGS; song += 1) {
        for (const message of saidOf(dj.session, round * SONGS + song)) {
          wire?.send(JSON.stringify(message));
        }
      }
      // Results stand longer than a round takes, so the song stands above them.
      const last = (round + 1) * SONGS - 1;
      await eventually(() => wall.innerText()).toContain(`Song ${last} `);
    };
    for (let round = 0; round < ROUNDS / 20; round += 1) await hear(round);
    const early = await weight(page);
    for (let round = ROUNDS / 20; round < ROUNDS; round += 1) await hear(round);
    const late = await weight(page);
    console.log(
      `a wall after 1,000 and 20,000 messages: ${early.nodes} and ${late.nodes} nodes, ` +
        `${early.listeners} and ${late.listeners} listeners, ${kb(early.heap)} and ${kb(late.heap)} kB`,
    );
    expect(late.nodes).toBeLessThanOrEqual(early.nodes + 20);
    expect(late.listeners).toBeLessThanOrEqual(early.listeners + 5);
    expect(late.heap).toBeLessThan(early.heap + 512 * 1024);

    // And it is still one that listens to the real server.
    await dj.play("The last one");
    await eventually(() => wall.innerText()).toContain("The last one");
  },
  180_000,
);

/** Ten messages, as the server would say them of one song. */
function saidOf(sessionId: string, song: number): object[] {
  const pollId = 1_000_000 + song;
  const timestamp = new Date(song * 1_000).toISOString();
  const track = { title: `Song ${song}`, artist: "The Testers", bpm: 90 + (song % 60) };
  const poll = { sessionId, pollId };
  return [
    { type: "NOW_PLAYING", sessionId, djName: "DJ Test", track },
    { type: "LISTENER_COUNT", sessionId, count: song },
    { type: "TEMPO_FEEDBACK", sessionId, faster: song, slower: 1, perfect: 2, total: song + 3 },
    { type: "POLL_STARTED", ...poll, question: `Question ${song}?`, options: ["Yes", "No"] },
    { type: "POLL_UPDATE", ...poll, votes: [song, 1], totalVotes: song + 1 },
    { type: "POLL_ENDED", pollId, results: [song, 1], totalVotes: song + 1, winnerIndex: 0 },
    {
      type: "POLL_STARTED",
      ...poll,
      pollId: pollId + 1_000_000,
      question: "?",
      options: ["a", "b"],
    },
    {
      type: "POLL_ENDED",
      pollId: pollId + 1_000_000,
      results: [0, 0],
      totalVotes: 0,
      winnerIndex: -1,
    },
    { type: "ANNOUNCEMENT_RECEIVED", sessionId, djName: "DJ Test", message: `${song}`, timestamp },
    { type: "ANNOUNCEMENT_CANCELLED", sessionId },
  ];
}

/** What the page holds once all that it let go of is gone. */
async function weight(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  await devtools.send("HeapProfiler.enable");
  for (let i = 0; i < 3; i += 1) await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  await devtools.detach();
  const of = (name: string) => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
  return { nodes: of("Nodes"), listeners: of("JSEventListeners"), heap: of("JSHeapUsedSize") };
}

const kb = (bytes: number) => Math.round(bytes / 1_024);
