// Likes that the server has not acknowledged yet, kept on the phone: through a dead spot of the venue's network, a
// reload, a flat battery. A like is written down before it is sent and struck out at its ACK.

import type { Storage } from "./platform.ts";
import { fields, integer, list, need, text } from "./shape.ts";
import { trackKey, type TrackName } from "./track.ts";

const KEY = "pika.likes.unsent";
// More than anyone likes in an evening; a full store must not keep the page from working.
const MOST = 500;
// The server takes likes until seven days after the end; older ones can only be refused.
const KEPT_MS = 7 * 24 * 3_600_000;

export interface UnsentLike extends TrackName {
  readonly sessionId: string;
  readonly at: number;
}

const like = (value: unknown, at: string): UnsentLike => {
  const from = fields(value, at);
  return {
    sessionId: need(from, "sessionId", text(64)),
    title: need(from, "title", text(1000)),
    artist: need(from, "artist", text(1000)),
    at: need(from, "at", integer(0)),
  };
};

export class LikeJournal {
  constructor(
    private readonly storage: Storage,
    private readonly wallClock: () => number,
  ) {}

  /** Read anew each time: another tab of the same phone writes to the same journal. */
  all(): UnsentLike[] {
    try {
      const all = list(like, MOST)(JSON.parse(this.storage.get(KEY) ?? "[]"), KEY);
      return all.filter((entry) => this.wallClock() - entry.at < KEPT_MS);
    } catch {
      return [];
    }
  }

  add(sessionId: string, { title, artist }: TrackName): void {
    const entry = { sessionId, title, artist, at: Math.round(this.wallClock()) };
    const others = this.all().filter((other) => !same(other, entry));
    this.write([...others, entry].slice(-MOST));
  }

  remove(sessionId: string, names: readonly TrackName[]): void {
    const gone = names.map((named) => ({ sessionId, ...named }));
    this.write(this.all().filter((entry) => !gone.some((other) => same(entry, other))));
  }

  private write(entries: UnsentLike[]): void {
    this.storage.set(KEY, JSON.stringify(entries));
  }
}

function same(a: TrackName & { sessionId: string }, b: TrackName & { sessionId: string }): boolean {
  return a.sessionId === b.sessionId && trackKey(a) === trackKey(b);
}
