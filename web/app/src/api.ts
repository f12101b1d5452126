// The REST routes that dancers read. Answers are read like frames of the socket: by shape, or not at all.

import { shape, trackFrom, type SnapshotTrack, type Track } from "@pika/client";
import { said } from "./said.ts";

const { count, fields, flag, integer, list, maybe, moment, need, number, text } = shape;
type Fields = shape.Fields;

export interface LiveSession {
  sessionId: string;
  djName: string;
  startedAt?: number;
  currentTrack?: Track;
  listenerCount: number;
  /** From 0 to 1: how the last minutes compare with this session's own busiest ones. */
  momentum: number;
}

export interface Tempo {
  slower: number;
  perfect: number;
  faster: number;
}

export interface RecapTrack {
  position: number;
  track: Track;
  playedAt?: number;
  likes: number;
  tempo?: Tempo;
}

export interface RecapPoll {
  question: string;
  options: string[];
  votes: number[];
  totalVotes: number;
  winnerIndex: number;
}

export interface Recap {
  sessionId: string;
  djName: string;
  startedAt?: number;
  endedAt?: number;
  totalLikes: number;
  /** Where the DJ's page is. */
  djSlug?: string;
  /** The most people that listened at one time. */
  peakListeners?: number;
  tracks: RecapTrack[];
  polls?: RecapPoll[];
}

/** How people join a session that is on. */
export interface Invitation {
  djName: string;
  joinCode: string;
  joinUrl: string;
  djAway: boolean;
}

export interface OwnLike {
  id: number;
  sessionId: string;
  track: Track;
  likedAt: number;
  djName: string;
  sessionDate: number;
}

export interface OwnLikes {
  total: number;
  /** Newest first; of many only the newest. */
  likes: OwnLike[];
}

export interface Api {
  active(): Promise<LiveSession[]>;
  /** The session that a code opens, or `null` for a code that opens none. */
  join(code: string): Promise<string | null>;
  /** `null`: the server keeps no recap of this session. */
  recap(sessionId: string): Promise<Recap | null>;
  /** What was played, newest first. */
  history(sessionId: string): Promise<SnapshotTrack[]>;
  /** `null`: no such session is on. */
  invitation(sessionId: string): Promise<Invitation | null>;
  /** What this person liked; `null` for a browser that nobody gave an identity yet. */
  ownLikes(): Promise<OwnLikes | null>;
}

export class ApiError extends Error {
  override name = "ApiError";
}

// A venue's network may swallow a request whole; a page must say so instead of waiting for ever.
const PATIENCE_MS = 12_000;

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export function restApi(fetch: Fetch): Api {
  async function ask(path: string, absent = 404): Promise<unknown> {
    const response = await fetch(path, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.status === absent) return null;
    if (!response.ok) throw new ApiError(`${path} answered ${response.status}`);
    return response.json();
  }
  return {
    active: async () => activeOf(await ask("/api/sessions/active")),
    join: async (code) => {
      const answer = await ask(`/api/join/${encodeURIComponent(code)}`);
      return answer === null ? null : need(fields(answer, "answer"), "sessionId", text(64));
    },
    recap: async (id) => {
      const answer = await ask(`/api/sessions/${encodeURIComponent(id)}/recap`);
      return answer === null ? null : recapOf(answer);
    },
    invitation: async (id) => {
      const answer = await ask(`/api/sessions/${encodeURIComponent(id)}/invitation`);
      return answer === null ? null : invitationOf(answer);
    },
    ownLikes: async () => {
      // Whose likes these are is said by the identity cookie; the label in the address proves nothing.
      const answer = await ask("/api/client/pika-web/likes", 401);
      return answer === null ? null : ownLikesOf(answer);
    },
    history: async (id) => {
      const answer = await ask(`/api/sessions/${encodeURIComponent(id)}/history`);
      return answer === null
        ? []
        : list((entry, at) => ({ track: trackOf(fields(entry, at)) }), 100)(answer, "history");
    },
  };
}

function trackOf(from: Fields): Track {
  const named = {
    title: need(from, "title", text(1000)),
    artist: need(from, "artist", text(1000)),
  };
  return trackFrom(named, maybe(from, "bpm", number(0, 999)), maybe(from, "key", text(20)));
}

/** Members that the answer has; `exactOptionalPropertyTypes` has no `undefined` to write. */
function given<K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: T });
}

function invitationOf(answer: unknown): Invitation {
  const from = fields(answer, "invitation");
  return {
    djName: need(from, "djName", said(200)),
    joinCode: need(from, "joinCode", text(12)),
    joinUrl: need(from, "joinUrl", text(2_000)),
    djAway: need(from, "djAway", flag),
  };
}

function ownLikesOf(answer: unknown): OwnLikes {
  const from = fields(answer, "likes");
  const like = (entry: unknown, at: string): OwnLike => {
    const one = fields(entry, at);
    return {
      id: need(one, "id", count),
      sessionId: need(one, "sessionId", text(64)),
      track: trackOf(one),
      likedAt: need(one, "likedAt", moment),
      djName: need(one, "djName", said(200)),
      sessionDate: need(one, "sessionDate", moment),
    };
  };
  return { total: need(from, "totalLikes", count), likes: need(from, "likes", list(like, 1_000)) };
}

function activeOf(answer: unknown): LiveSession[] {
  const sessions = (entry: unknown, at: string): LiveSession => {
    const from = fields(entry, at);
    const current = maybe(from, "currentTrack", fields);
    return {
      sessionId: need(from, "sessionId", text(64)),
      djName: need(from, "djName", said(200)),
      listenerCount: maybe(from, "listenerCount", count) ?? 0,
      momentum: maybe(from, "momentum", number(0, 1)) ?? 0,
      ...given("startedAt", maybe(from, "startedAt", moment)),
      ...given("currentTrack", current === undefined ? undefined : trackOf(current)),
    };
  };
  return need(fields(answer, "answer"), "sessions", list(sessions, 1_000));
}

function recapOf(answer: unknown): Recap {
  const from = fields(answer, "recap");
  return {
    sessionId: need(from, "sessionId", text(64)),
    djName: need(from, "djName", said(200)),
    totalLikes: need(from, "totalLikes", count),
    tracks: need(from, "tracks", list(recapTrack, 5_000)),
    ...given("startedAt", maybe(from, "startedAt", moment)),
    ...given("endedAt", maybe(from, "endedAt", moment)),
    ...given("djSlug", maybe(from, "djSlug", text(400))),
    ...given("peakListeners", maybe(from, "peakListeners", count)),
    ...given("polls", maybe(from, "polls", list(recapPoll, 1_000))),
  };
}

function recapTrack(entry: unknown, at: string): RecapTrack {
  const from = fields(entry, at);
  const tempo = maybe(from, "tempo", fields);
  return {
    position: need(from, "position", count),
    track: trackOf(from),
    likes: need(from, "likes", count),
    ...given("playedAt", maybe(from, "playedAt", moment)),
    ...given("tempo", tempo === undefined ? undefined : tempoOf(tempo)),
  };
}

function tempoOf(from: Fields): Tempo {
  return {
    slower: need(from, "slower", count),
    perfect: need(from, "perfect", count),
    faster: need(from, "faster", count),
  };
}

function recapPoll(entry: unknown, at: string): RecapPoll {
  const from = fields(entry, at);
  return {
    question: need(from, "question", said(1_000)),
    options: need(from, "options", list(said(200), 10)),
    votes: need(from, "votes", list(count, 10)),
    totalVotes: need(from, "totalVotes", count),
    winnerIndex: need(from, "winnerIndex", integer(-1, 9)),
  };
}
