// DJs' public pages and the figures over all evenings.

import { shape } from "@pika/client";
import { linksOf } from "../account/account-api.ts";
import { Refused, type Rest } from "../rest.ts";
import { said } from "../said.ts";

const { count, fields, list, maybe, moment, need, text } = shape;

export interface PastSession {
  id: string;
  startedAt: number;
  endedAt: number | undefined;
  trackCount: number;
}

export interface Dj {
  djName: string;
  sessions: PastSession[];
  totalSessions: number;
  totalTracks: number;
  bio: string;
  genres: string[];
  website: string | undefined;
  socialLinks: Record<string, string>;
  avatarUrl: string | undefined;
}

export interface TopTrack {
  artist: string;
  title: string;
  likeCount: number;
}

export interface Totals {
  totalSessions: number;
  totalTracks: number;
  totalLikes: number;
}

export function profileApi({ ask }: Rest) {
  return {
    /** `null`: no DJ of this name is known. */
    dj: async (slug: string): Promise<Dj | null> => {
      try {
        return djOf(await ask("GET", `/api/dj/${encodeURIComponent(slug)}`));
      } catch (error) {
        if (error instanceof Refused && error.status === 404) return null;
        throw error;
      }
    },
    topTracks: async () => list(trackOf, 100)(await ask("GET", "/api/stats/top-tracks"), "answer"),
    totals: async () => totalsOf(await ask("GET", "/api/stats/global")),
  };
}

function djOf(answer: unknown): Dj {
  const from = fields(answer, "answer");
  return {
    djName: need(from, "djName", said(200)),
    sessions: need(from, "sessions", list(sessionOf, 100)),
    totalSessions: need(from, "totalSessions", count),
    totalTracks: need(from, "totalTracks", count),
    bio: maybe(from, "bio", said(5_000)) ?? "",
    genres: maybe(from, "genres", list(said(200), 50)) ?? [],
    website: webAddress(maybe(from, "website", text(1_000))),
    socialLinks: onTheWeb(linksOf(maybe(from, "socialLinks", fields) ?? {})),
    avatarUrl: webAddress(maybe(from, "avatarUrl", text(1_000))),
  };
}

/** The server takes no other addresses; a link that would run is worth a second look. */
function webAddress(url: string | undefined): string | undefined {
  return url !== undefined && /^https?:\/\//i.test(url) ? url : undefined;
}

function onTheWeb(links: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(links).filter(([, url]) => webAddress(url) !== undefined),
  );
}

function sessionOf(entry: unknown, at: string): PastSession {
  const from = fields(entry, at);
  return {
    id: need(from, "id", text(64)),
    startedAt: need(from, "startedAt", moment),
    endedAt: maybe(from, "endedAt", moment),
    trackCount: need(from, "trackCount", count),
  };
}

function trackOf(entry: unknown, at: string): TopTrack {
  const from = fields(entry, at);
  return {
    artist: need(from, "artist", said(1_000)),
    title: need(from, "title", said(1_000)),
    likeCount: need(from, "likeCount", count),
  };
}

function totalsOf(answer: unknown): Totals {
  const from = fields(answer, "answer");
  return {
    totalSessions: need(from, "totalSessions", count),
    totalTracks: need(from, "totalTracks", count),
    totalLikes: need(from, "totalLikes", count),
  };
}
