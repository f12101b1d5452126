import { describe, expect, it } from "vitest";
import { LiveClient } from "../src/index.ts";
import { ack, arrive, ID, World } from "./world.ts";

const POLL = {
  type: "POLL_STARTED",
  sessionId: ID,
  pollId: 7,
  question: "What next?",
  options: ["Blues", "Funk"],
  endsAt: "2026-03-01T20:01:00Z",
};
const update = (votes: number[], totalVotes: number) => ({
  type: "POLL_UPDATE",
  sessionId: ID,
  pollId: 7,
  votes,
  totalVotes,
});
const confirmed = (optionIndex: number) => ({
  type: "VOTE_CONFIRMED",
  pollId: 7,
  optionIndex,
  votes: [1, 4],
  totalVotes: 5,
});
const rejected = { type: "VOTE_REJECTED", pollId: 7, reason: "Already voted" };
const over = { type: "POLL_ENDED", pollId: 7, results: [2, 6], totalVotes: 8, winnerIndex: 1 };

function asked() {
  const world = new World();
  return { world, ...arrive(world, [POLL]) };
}
const vote = (client: LiveClient) => client.current.vote;

describe("a poll", () => {
  it("follows the tallies", () => {
    const { client, socket } = asked();
    expect(client.current.poll).toMatchObject({ votes: [0, 0], endsAt: Date.parse(POLL.endsAt) });
    socket.tell(update([3, 4], 7));
    expect(client.current.poll).toMatchObject({ votes: [3, 4], totalVotes: 7 });
  });

  it("ignores a tally that does not fit its options, and one of another poll", () => {
    const { client, socket } = asked();
    socket.tell(update([1, 2, 3], 6), { ...update([5, 5], 10), pollId: 8 });
    expect(client.current.poll).toMatchObject({ votes: [0, 0], totalVotes: 0 });
  });

  it("keeps the tally it knows when the poll is told again without one", () => {
    const { client, socket } = asked();
    socket.tell(update([3, 4], 7), POLL);
    expect(client.current.poll).toMatchObject({ votes: [3, 4], totalVotes: 7 });
  });

  it("takes a vote from chosen over stored to counted", async () => {
    const { world, client, socket } = asked();
    client.vote(1);
    expect(vote(client)).toEqual({ pollId: 7, standing: "sending", optionIndex: 1 });
    ack(socket, "VOTE_ON_POLL");
    await world.pass(0);
    expect(vote(client)?.standing).toBe("stored");
    socket.tell(confirmed(1));
    expect(vote(client)).toMatchObject({ standing: "counted", optionIndex: 1 });
    expect(client.current.poll?.votes).toEqual([1, 4]);
  });

  it("believes the verdict over a receipt that comes later", async () => {
    const { world, client, socket } = asked();
    client.vote(1);
    socket.tell(confirmed(1));
    ack(socket, "VOTE_ON_POLL");
    await world.pass(0);
    expect(vote(client)?.standing).toBe("counted");
  });

  it("keeps its DJ's tally of a hidden poll when that DJ's own vote is told without one", () => {
    const { client, socket } = asked();
    const zeros = { votes: [0, 0], totalVotes: 0 };
    socket.tell({ ...POLL, pollId: 8, hideResults: true }, { ...update([3, 4], 7), pollId: 8 });
    socket.tell({ ...confirmed(1), ...zeros, pollId: 8 });
    expect(vote(client)).toMatchObject({ pollId: 8, standing: "counted", optionIndex: 1 });
    expect(client.current.poll).toMatchObject({ votes: [3, 4], totalVotes: 7 });
    socket.tell({ ...rejected, ...zeros, pollId: 8 });
    expect(client.current.poll).toMatchObject({ votes: [3, 4], totalVotes: 7 });
    socket.tell({ ...over, pollId: 8 });
    expect(client.current.poll).toMatchObject({ votes: [2, 6], totalVotes: 8, winnerIndex: 1 });
  });

  it("shows the option that the server counted, not the one that was tapped", () => {
    const { client, socket } = asked();
    client.vote(1);
    socket.tell(confirmed(0));
    expect(vote(client)).toMatchObject({ standing: "counted", optionIndex: 0 });
  });

  it("says why a vote was rejected, and keeps the one that stands", () => {
    const { client, socket } = asked();
    client.vote(0);
    socket.tell(confirmed(0));
    client.vote(1);
    socket.tell(rejected);
    expect(vote(client)).toEqual({
      pollId: 7,
      standing: "rejected",
      words: "Already voted",
      optionIndex: 0,
      counted: 0,
    });
  });

  it("marks nothing when the only vote was rejected", () => {
    const { client, socket } = asked();
    client.vote(1);
    socket.tell(rejected);
    expect(vote(client)?.optionIndex).toBeUndefined();
  });

  it("shows the result, and lets nothing late change it", () => {
    const { client, socket } = asked();
    socket.tell(over, update([9, 9], 18), confirmed(0));
    expect(client.current.poll).toMatchObject({ votes: [2, 6], totalVotes: 8, winnerIndex: 1 });
    client.vote(1);
    expect(socket.said("VOTE_ON_POLL")).toHaveLength(0);
  });

  it("has no winner when it was taken back, or when the winner is no option", () => {
    const { client, socket } = asked();
    socket.tell({ ...over, results: [0, 0], totalVotes: 0, winnerIndex: -1 });
    expect(client.current.poll).toMatchObject({ winnerIndex: -1, totalVotes: 0 });
    socket.tell(POLL, { ...over, winnerIndex: 5 });
    expect(client.current.poll?.winnerIndex).toBe(-1);
  });

  it("brings the tally and one's own vote after a reload", () => {
    const world = new World();
    const known = { votes: [2, 3], totalVotes: 5, hasVoted: true, votedOptionIndex: 0 };
    const { client } = arrive(world, [{ ...POLL, ...known }]);
    expect(client.current.poll).toMatchObject({ votes: [2, 3], totalVotes: 5 });
    expect(vote(client)).toMatchObject({ standing: "counted", optionIndex: 0 });
  });
});
