// The rim: bytes from outside become a typed message or a counted refusal, never an exception further in.

import { json, type Codec } from "./codec.ts";
import type { Kind, KindTable, ServerMessage } from "./messages.ts";
import { visible } from "./text.ts";
import { track } from "./track.ts";
import * as shape from "./shape.ts";
import { count, fields, flag, list, maybe, moment, need, type Fields } from "./shape.ts";

const words = (limit: number) => (value: unknown, at: string) =>
  visible(shape.text(limit)(value, at));

const id = shape.text(64);
const name = words(200);
const tally = list(count, 10);

function withSession(from: { readonly sessionId?: unknown }): { sessionId: string } {
  return { sessionId: need(from, "sessionId", id) };
}

/** Leaves out what is absent, as `exactOptionalPropertyTypes` wants it. */
function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, v]) => v !== undefined)) as never;
}

const KINDS: KindTable = {
  SUBSCRIBED: (from) => ({
    ...withSession(from),
    epoch: need(from, "epoch", count),
    recovered: need(from, "recovered", flag),
    ...present({ reason: maybe(from, "reason", name) }),
  }),
  SESSION_STARTED: (from) => ({
    ...withSession(from),
    djName: need(from, "djName", name),
    startTime: need(from, "startTime", moment),
  }),
  SESSIONS_LIST: (from) => ({
    sessions: need(
      from,
      "sessions",
      list((value, at) => {
        const entry = fields(value, at);
        return {
          ...withSession(entry),
          djName: need(entry, "djName", name),
          ...present({ startedAt: maybe(entry, "startedAt", moment) }),
        };
      }, 200),
    ),
  }),
  NOW_PLAYING: (from) => ({
    ...withSession(from),
    track: need(from, "track", track),
    ...present({ djName: maybe(from, "djName", name) }),
  }),
  TRACK_STOPPED: withSession,
  METADATA_UPDATED: (from) => ({ ...withSession(from), track: need(from, "track", track) }),
  SESSION_ENDED: withSession,
  SESSION_EXPIRED: withSession,
  LIKE_RECEIVED: (from) => ({ track: need(need(from, "payload", fields), "track", track) }),
  LISTENER_COUNT: (from) => ({ ...withSession(from), count: need(from, "count", count) }),
  TEMPO_FEEDBACK: (from) => ({
    ...withSession(from),
    faster: need(from, "faster", count),
    slower: need(from, "slower", count),
    perfect: need(from, "perfect", count),
  }),
  TEMPO_RESET: withSession,
  POLL_STARTED: (from) => {
    const options = need(from, "options", list(words(200), 10));
    return {
      ...withSession(from),
      pollId: need(from, "pollId", count),
      question: need(from, "question", words(1000)),
      options,
      ...present({
        endsAt: maybe(from, "endsAt", moment),
        votes: maybe(from, "votes", tally),
        totalVotes: maybe(from, "totalVotes", count),
        hasVoted: maybe(from, "hasVoted", flag),
        votedOptionIndex: maybe(from, "votedOptionIndex", shape.integer(0, options.length - 1)),
        allowChange: maybe(from, "allowChange", flag),
        hideResults: maybe(from, "hideResults", flag),
      }),
    };
  },
  POLL_UPDATE: (from) => ({
    ...withSession(from),
    pollId: need(from, "pollId", count),
    votes: need(from, "votes", tally),
    totalVotes: need(from, "totalVotes", count),
  }),
  POLL_ENDED: (from) => ({
    pollId: need(from, "pollId", count),
    results: need(from, "results", tally),
    totalVotes: need(from, "totalVotes", count),
    winnerIndex: need(from, "winnerIndex", shape.integer(-1, 9)),
  }),
  VOTE_CONFIRMED: (from) => ({
    pollId: need(from, "pollId", count),
    optionIndex: need(from, "optionIndex", shape.integer(0, 9)),
    ...tallies(from),
  }),
  VOTE_REJECTED: (from) => ({
    pollId: need(from, "pollId", count),
    reason: need(from, "reason", words(500)),
    ...tallies(from),
  }),
  REACTION_RECEIVED: (from) => ({ ...withSession(from), reaction: need(from, "reaction", name) }),
  ANNOUNCEMENT_RECEIVED: (from) => ({
    ...withSession(from),
    message: need(from, "message", words(400)),
    timestamp: need(from, "timestamp", moment),
    ...present({
      djName: maybe(from, "djName", name),
      endsAt: maybe(from, "endsAt", moment),
    }),
  }),
  ANNOUNCEMENT_CANCELLED: withSession,
  ACK: (from) => ({ messageId: need(from, "messageId", shape.text(256)) }),
  NACK: (from) => ({
    messageId: need(from, "messageId", shape.text(256)),
    error: need(from, "error", words(500)),
  }),
  PONG: (from) => ({ timestamp: need(from, "timestamp", moment) }),
  GOAWAY: (from) => ({ reconnectInMs: need(from, "reconnectInMs", shape.integer(0, 3_600_000)) }),
};

function tallies(from: { readonly votes?: unknown; readonly totalVotes?: unknown }) {
  return present({
    votes: maybe(from, "votes", tally),
    totalVotes: maybe(from, "totalVotes", count),
  });
}

export type Decoded =
  | { ok: true; message: ServerMessage }
  /** `unknown` is a newer server's word and no fault; `invalid` is a fault of the sender. */
  | { ok: false; why: "unknown" | "invalid" };

export function read(data: unknown, codec: Codec = json): Decoded {
  try {
    const from = fields(codec.decode(data), "message");
    const type = need(from, "type", shape.text(64));
    if (!Object.hasOwn(KINDS, type)) return { ok: false, why: "unknown" };
    const seq = maybe(from, "seq", count);
    const body = (KINDS[type as Kind] as (from: Fields) => object)(from);
    const message = { type, ...(seq === undefined ? {} : { seq }), ...body };
    return { ok: true, message: message as ServerMessage };
  } catch {
    return { ok: false, why: "invalid" };
  }
}
