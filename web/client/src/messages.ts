// Every message of the wire that a dancer's client says or understands, as types. `decode.ts` makes them from bytes.

import type { Track, TrackName } from "./track.ts";

export type Tempo = "slower" | "perfect" | "faster";

/** What a client says. `messageId` is added by whoever waits for the answer. */
export type ClientMessage =
  | { type: "SUBSCRIBE"; sessionId: string; clientId?: string; resume: true | Position }
  | { type: "SEND_LIKE" | "REMOVE_LIKE"; sessionId: string; payload: { track: TrackName } }
  | { type: "SEND_BULK_LIKE"; sessionId: string; payload: { tracks: TrackName[] } }
  | { type: "SEND_TEMPO_REQUEST"; sessionId: string; preference: Tempo | "clear" }
  | { type: "VOTE_ON_POLL"; pollId: number; optionIndex: number; clientId?: string }
  | { type: "SEND_REACTION"; sessionId: string; reaction: "thank_you" }
  | { type: "PING" };

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
}

export type Kind = keyof Kinds;

/** `seq` stands on must-arrive messages to clients that asked for positions, and on SUBSCRIBED. */
export type ServerMessage<K extends Kind = Kind> = {
  [T in K]: { type: T; seq?: number } & Kinds[T];
}[K];

export type Body<K extends Kind> = Kinds[K];
export type KindTable = { [K in Kind]: (from: Readonly<Record<string, unknown>>) => Kinds[K] };
