// Every sentence of the live page that answers a server's terse word.

import type { LikeMark, LiveState, Notice, Status, Vote } from "@pika/client";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";

export function connectionWords(
  { connection, phase }: Pick<LiveState, "connection" | "phase">,
  online: boolean,
): string {
  const say = words(live);
  switch (connection.kind) {
    case "idle":
    case "connecting":
      return say.connecting;
    case "live":
      // Connected all the same, and so the page hears it if the DJ begins again.
      return phase === "ended" ? say.ended : say.live;
    case "reconnecting":
      return online ? say.reconnecting : say.offline;
    case "refused":
      return say.disconnected;
  }
}

export function refusedWords(status: Extract<Status, { kind: "refused" }>): string {
  const say = words(live);
  if (status.code === 4429) return say.refusedCrowd;
  return status.error === undefined ? say.refusedClose : say.refusedJoin(status.error);
}

type VoteReason = "voteTwice" | "voteLate" | "voteOption" | "voteRate" | "voteUnsure";

const VOTE_REASONS: readonly [RegExp, VoteReason][] = [
  [/already voted/i, "voteTwice"],
  [/ended|closed|not found/i, "voteLate"],
  [/option/i, "voteOption"],
  [/rate limit/i, "voteRate"],
  [/no answer/i, "voteUnsure"],
];

export function voteWords(vote: Vote, options: readonly string[]): string {
  const say = words(live);
  const chosen = options[vote.optionIndex ?? -1];
  switch (vote.standing) {
    case "sending":
      return say.voteSending;
    case "stored":
      return say.voteStored;
    case "counted":
      return chosen === undefined ? say.voteCounts : say.voteFor(chosen);
    case "rejected":
    case "failed": {
      const reason = vote.words ?? "";
      const known = VOTE_REASONS.find(([pattern]) => pattern.test(reason));
      return known === undefined ? say.voteOther(reason) : say[known[1]];
    }
  }
}

export function lockedByReason(vote: Vote | undefined): boolean {
  return vote?.standing === "rejected" && /already voted/i.test(vote.words ?? "");
}

export function noticeWords(about: Notice["about"], reason: string): string {
  return `${words(live).notice[about]}: ${reasonWords(reason)}`;
}

function reasonWords(reason: string): string {
  const say = words(live);
  if (/max 10\/min/i.test(reason)) return say.reasonTenLikes;
  if (/rate limit/i.test(reason)) return say.reasonRate;
  if (/track not found/i.test(reason)) return say.reasonTrack;
  if (/not connected/i.test(reason)) return say.reasonOffline;
  if (/no answer/i.test(reason)) return say.reasonSilent;
  return reason;
}

/** The server paces what it tells of single likes; one's own stored like is there all the same. */
export function likesShown(heard: number, mark: LikeMark | undefined): number {
  return mark === "liked" ? Math.max(1, heard) : heard;
}
