// Every message of the wire that a client says or understands. What they look like on the wire is generated from the
// server's own types (`contract/`); here stands what `decode.ts` makes of them, by members that the compiler compares.

import type { ClientFrame } from "./contract/client.ts";
import type { ServerFrame } from "./contract/server.ts";
import type { Track } from "./track.ts";

/** Nothing that is said is changed afterwards. */
type Fixed<T> = T extends object ? { readonly [M in keyof T]: Fixed<T[M]> } : T;

/** Words of a client, as the server reads them. `messageId` is added by whoever waits for the answer. */
export type Words<T extends ClientFrame["type"]> = T extends unknown
  ? Fixed<Omit<Extract<ClientFrame, { type: T }>, "messageId">>
  : never;

export type Tempo = Exclude<Words<"SEND_TEMPO_REQUEST">["preference"], "clear">;

/** Older servers read a label beside some words; it proves nothing. */
type Labelled = { readonly clientId?: string };

/** What a dancer says. */
export type ClientMessage =
  | (Words<"SUBSCRIBE" | "VOTE_ON_POLL"> & Labelled)
  | Words<"SEND_LIKE" | "REMOVE_LIKE" | "SEND_BULK_LIKE" | "SEND_TEMPO_REQUEST">
  | Words<"SEND_REACTION" | "PING">;

/** A message of the server as it arrives: named by the contract, and of whatever shape its sender gave it. */
export type Raw<K extends ServerFrame["type"]> = {
  readonly [M in keyof Extract<ServerFrame, { type: K }>]: unknown;
};

/** What the server says to others than a client of this package: answers to words that it never says. */
type NotForUs = "SESSION_REGISTERED" | "SESSION_VALID";

/** A place in a session's log. Sequences of different epochs cannot be compared. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** Times are milliseconds since 1970 by the server's clock. */
interface Kinds {
  SUBSCRIBED: { sessionId: string; epoch: number; recovered: boolean; reason?: string };
  SESSION_STARTED: { sessionId: string; djName: string; startTime: number };
  SESSIONS_LIST: { sessions: ListedSession[] };
  NOW_PLAYING: { sessionId: string; djName?: string; track: Track };
  TRACK_STOPPED: { sessionId: string };
  METADATA_UPDATED: { sessionId: string; track: Track };
  SESSION_ENDED: { sessionId: string };
  SESSION_EXPIRED: { sessionId: string };
  LIKE_RECEIVED: { track: Track };
  LISTENER_COUNT: { sessionId: string; count: number };
  TEMPO_FEEDBACK: { sessionId: string; faster: number; slower: number; perfect: number };
  TEMPO_RESET: { sessionId: string };
  POLL_STARTED: PollStarted;
  POLL_UPDATE: { sessionId: string; pollId: number; votes: number[]; totalVotes: number };
  POLL_ENDED: { pollId: number; results: number[]; totalVotes: number; winnerIndex: number };
  VOTE_CONFIRMED: { pollId: number; optionIndex: number; votes?: number[]; totalVotes?: number };
  VOTE_REJECTED: { pollId: number; reason: string; votes?: number[]; totalVotes?: number };
  REACTION_RECEIVED: { sessionId: string; reaction: string };
  ANNOUNCEMENT_RECEIVED: Announcement & { sessionId: string };
  ANNOUNCEMENT_CANCELLED: { sessionId: string };
  ACK: { messageId: string };
  NACK: { messageId: string; error: string };
  PONG: { timestamp: number };
  GOAWAY: { reconnectInMs: number };
}

export interface ListedSession {
  sessionId: string;
  djName: string;
  startedAt?: number;
}

export interface Announcement {
  message: string;
  djName?: string;
  timestamp: number;
  endsAt?: number;
}

export interface PollStarted {
  sessionId: string;
  pollId: number;
  question: string;
  options: string[];
  endsAt?: number;
  votes?: number[];
  totalVotes?: number;
  hasVoted?: boolean;
  votedOptionIndex?: number;
  allowChange?: boolean;
  hideResults?: boolean;
}

/** A kind that the server learned and nobody reads here stops the compiler, and so does one that it forgot. */
export type Kind = Exclude<ServerFrame["type"], NotForUs> & keyof Kinds;
export type EveryKindIsRead = Same<Exclude<ServerFrame["type"], NotForUs>, keyof Kinds>;
type Same<A extends B, B extends C, C = A> = A;

/** `seq` stands on must-arrive messages to clients that asked for positions, and on SUBSCRIBED. */
export type ServerMessage<K extends Kind = Kind> = {
  [T in K]: { type: T; seq?: number } & Kinds[T];
}[K];

export type Body<K extends Kind> = Kinds[K];
export type KindTable = { [K in Kind]: (from: Raw<K>) => Kinds[K] };
