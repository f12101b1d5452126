import type { ServerMessage } from "./messages.ts";
import type { LiveState, Poll, Vote } from "./state.ts";

type PollMessage = ServerMessage<
  "POLL_STARTED" | "POLL_UPDATE" | "POLL_ENDED" | "VOTE_CONFIRMED" | "VOTE_REJECTED"
>;

export function reducePoll(state: LiveState, message: PollMessage): LiveState {
  if (message.type === "POLL_STARTED") return started(state, message);
  const { poll } = state;
  if (poll === undefined || poll.pollId !== message.pollId) return state;

  switch (message.type) {
    case "POLL_UPDATE":
      return isOver(poll) ? state : { ...state, poll: counted(poll, message) };
    case "POLL_ENDED": {
      // A winner that is no option of this poll is no winner.
      const winnerIndex = message.winnerIndex < poll.options.length ? message.winnerIndex : -1;
      const final = counted(poll, { votes: message.results, totalVotes: message.totalVotes });
      return { ...state, poll: { ...final, winnerIndex } };
    }
    case "VOTE_CONFIRMED": {
      const { pollId, optionIndex } = message;
      if (optionIndex >= poll.options.length) return state;
      const vote: Vote = { pollId, standing: "counted", optionIndex, counted: optionIndex };
      return { ...state, vote, poll: stillOpen(poll, message) };
    }
    case "VOTE_REJECTED":
      return {
        ...state,
        vote: fallBack(state, message.pollId, "rejected", message.reason),
        poll: stillOpen(poll, message),
      };
  }
}

/** The vote that stands when another one did not count. */
export function fallBack(
  state: LiveState,
  pollId: number,
  standing: "rejected" | "failed",
  words: string,
): Vote {
  const before = state.vote?.pollId === pollId ? state.vote.counted : undefined;
  const kept = before === undefined ? {} : { optionIndex: before, counted: before };
  return { pollId, standing, words, ...kept };
}

export function isOver(poll: Poll): boolean {
  return poll.winnerIndex !== undefined;
}

function started(state: LiveState, message: ServerMessage<"POLL_STARTED">): LiveState {
  const { pollId, question, options, endsAt } = message;
  const blank = {
    pollId,
    question,
    options,
    votes: options.map(() => 0),
    totalVotes: 0,
    allowChange: message.allowChange ?? false,
    ...(message.hideResults === true ? { hideResults: true as const } : {}),
    ...(endsAt === undefined ? {} : { endsAt }),
  };
  const known = state.poll?.pollId === pollId ? { ...blank, ...pick(state.poll) } : blank;
  const own = ownVoteIn(message);
  return { ...state, poll: counted(known, message), ...(own === undefined ? {} : { vote: own }) };
}

/** The server may leave its word about one's own vote out; then what this phone remembers stays. */
function ownVoteIn(message: ServerMessage<"POLL_STARTED">): Vote | undefined {
  const { pollId, hasVoted, votedOptionIndex } = message;
  if (hasVoted !== true || votedOptionIndex === undefined) return undefined;
  return {
    pollId,
    standing: "counted",
    optionIndex: votedOptionIndex,
    counted: votedOptionIndex,
  };
}

function pick(poll: Poll) {
  return { votes: poll.votes, totalVotes: poll.totalVotes };
}

/** A verdict tells no voter how a hidden poll stands: its zeros are no tally, and the DJ who voted keeps theirs. */
function stillOpen(poll: Poll, tally: { votes?: number[]; totalVotes?: number }): Poll {
  return isOver(poll) || poll.hideResults === true ? poll : counted(poll, tally);
}

/** A tally of another length than the options would draw a bar for nothing: it is left out. */
function counted<P extends Poll>(poll: P, tally: { votes?: number[]; totalVotes?: number }): P {
  const { votes, totalVotes } = tally;
  if (votes === undefined || votes.length !== poll.options.length) return poll;
  return { ...poll, votes, totalVotes: totalVotes ?? votes.reduce((sum, n) => sum + n, 0) };
}
