// What a dancer's page shows, as plain values.

import type { Status } from "./connection.ts";
import type { Announcement, Tempo } from "./messages.ts";
import type { Track } from "./track.ts";

/** `sending`: on its way. `queued`: kept on this phone until there is a connection. `liked`: stored. */
export type LikeMark = "sending" | "queued" | "liked";

export interface Played {
  readonly key: string;
  readonly track: Track;
  /** As far as this phone knows: the server paces single likes, the page asks for totals now and then. */
  readonly likes: number;
}

export interface Poll {
  readonly pollId: number;
  readonly question: string;
  readonly options: readonly string[];
  readonly votes: readonly number[];
  readonly totalVotes: number;
  readonly allowChange: boolean;
  /** How the votes stand is said to the DJ alone until the poll is over; all others hear zeros or nothing. */
  readonly hideResults?: true;
  /** By the server's clock. */
  readonly endsAt?: number;
  /** Present once the poll is over; −1 says that nobody won: no vote came, or the DJ took the poll back. */
  readonly winnerIndex?: number;
}

export interface Vote {
  readonly pollId: number;
  readonly standing: "sending" | "stored" | "counted" | "rejected" | "failed";
  /** The option to mark as one's own. */
  readonly optionIndex?: number;
  /** The option that the server has confirmed; a later rejected vote does not take it away. */
  readonly counted?: number;
  /** Why it was rejected or failed, in the server's words. */
  readonly words?: string;
}

/** Something that a person asked for did not happen. */
export interface Notice {
  readonly id: number;
  readonly about: "like" | "unlike" | "tempo" | "thanks";
  readonly words: string;
}

export type TempoTotals = Readonly<Record<Tempo, number>>;

export interface LiveState {
  readonly sessionId: string;
  readonly connection: Status;
  /** `waiting`: nobody has said yet whether the session runs. */
  readonly phase: "waiting" | "live" | "ended";
  readonly djAway: boolean;
  readonly djName?: string;
  readonly startedAt?: number;
  readonly track?: Track;
  /** Newest first; the head is the track that plays or played last. */
  readonly recent: readonly Played[];
  readonly likes: Readonly<Record<string, LikeMark>>;
  readonly tempo: TempoTotals;
  readonly ownTempo?: Tempo;
  readonly poll?: Poll;
  readonly vote?: Vote;
  readonly listeners?: number;
  readonly announcement?: Announcement;
  /** Thanks heard since the page opened; it only rises. */
  readonly thanks: number;
  readonly notice?: Notice;
}

export const NO_TEMPO: TempoTotals = { slower: 0, perfect: 0, faster: 0 };

export function initialState(sessionId: string): LiveState {
  return {
    sessionId,
    connection: { kind: "idle" },
    phase: "waiting",
    djAway: false,
    recent: [],
    likes: {},
    tempo: NO_TEMPO,
    thanks: 0,
  };
}

export function queuedLikes(state: LiveState): number {
  return Object.values(state.likes).filter((mark) => mark === "queued").length;
}

/** One's own vote on the poll that is shown, if there is one. */
export function ownVote(state: LiveState): Vote | undefined {
  return state.vote?.pollId === state.poll?.pollId ? state.vote : undefined;
}

/** A copy without some members: `exactOptionalPropertyTypes` has no `undefined` to write. */
export function without<K extends keyof LiveState>(
  state: LiveState,
  ...names: K[]
): Omit<LiveState, K> {
  const copy = { ...state };
  for (const name of names) delete copy[name];
  return copy;
}
