// Every sentence that answers a server's terse word, and how times are written.

import type { LikeMark, LiveState, Status, Vote } from "@pika/client";

export function connectionWords(
  { connection, phase }: Pick<LiveState, "connection" | "phase">,
  online: boolean,
): string {
  switch (connection.kind) {
    case "idle":
    case "connecting":
      return "Connecting…";
    case "live":
      // Connected all the same, and so the page hears it if the DJ begins again.
      return phase === "ended" ? "Ended" : "Live";
    case "reconnecting":
      return online ? "Reconnecting…" : "Offline";
    case "refused":
      return "Disconnected";
  }
}

export function waitingWords(queued: number): string {
  return queued === 1 ? "1 like waiting" : `${queued} likes waiting`;
}

export function refusedWords(status: Extract<Status, { kind: "refused" }>): string {
  if (status.code === 4429) {
    return "Too many phones are connected from this network. Wait a moment, then try again.";
  }
  if (status.error !== undefined) return `The server did not let this phone join: ${status.error}.`;
  return "The server closed the connection and asked not to be called again.";
}

const VOTE_REASONS: readonly [RegExp, string][] = [
  [/already voted/i, "You had voted already, and that vote stands."],
  [/ended|closed|not found/i, "The poll closed before your vote arrived."],
  [/option/i, "That option is not part of this poll."],
  [/rate limit/i, "Too many votes at once. Wait a moment and tap again."],
  [/no answer/i, "We could not confirm your vote. Tap again to be sure."],
];

export function voteWords(vote: Vote, options: readonly string[]): string {
  const chosen = options[vote.optionIndex ?? -1];
  switch (vote.standing) {
    case "sending":
      return "Sending your vote…";
    case "stored":
      return "Your vote has arrived and is being counted…";
    case "counted":
      return chosen === undefined ? "Your vote counts." : `Your vote for “${chosen}” counts.`;
    case "rejected":
    case "failed": {
      const words = vote.words ?? "";
      const known = VOTE_REASONS.find(([pattern]) => pattern.test(words));
      return known?.[1] ?? `Your vote was not counted: ${words}`;
    }
  }
}

export function lockedByReason(vote: Vote | undefined): boolean {
  return vote?.standing === "rejected" && /already voted/i.test(vote.words ?? "");
}

const THINGS = {
  like: "That like did not go through",
  unlike: "That like could not be taken back",
  tempo: "Your tempo wish did not go through",
  thanks: "Your thanks did not go through",
} as const;

export function noticeWords(about: keyof typeof THINGS, words: string): string {
  return `${THINGS[about]}: ${reason(words)}`;
}

function reason(words: string): string {
  if (/max 10\/min/i.test(words)) return "ten likes a minute are enough. Try again soon.";
  if (/rate limit/i.test(words)) return "too many at once. Try again soon.";
  if (/track not found/i.test(words)) return "the DJ has not played this track here.";
  if (/not connected/i.test(words)) return "there is no connection right now.";
  if (/no answer/i.test(words)) return "the server did not answer.";
  return words;
}

/** Minutes and seconds left; it reaches 0:00 when the moment is there, not a second before. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

export const timeOf = (ms: number) => TIME.format(ms);
export const dateOf = (ms: number) => DATE.format(ms);

export function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** The server paces what it tells of single likes; one's own stored like is there all the same. */
export function likesShown(heard: number, mark: LikeMark | undefined): number {
  return mark === "liked" ? Math.max(1, heard) : heard;
}
