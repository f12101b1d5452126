// Likes that the server has not acknowledged yet, kept on the phone: through a dead spot of the venue's network, a
// reload, a flat battery. A like is written down before it is sent and struck out at its ACK; so is taking one back that
// the server may have.

import type { Storage } from "./platform.ts";
import { fields, flag, integer, list, maybe, need, text } from "./shape.ts";
import { trackKey, type TrackName } from "./track.ts";

const KEY = "pika.likes.unsent";
// More than anyone likes in an evening; a full store must not keep the page from working.
const MOST = 500;
// The server takes likes until seven days after the end; older ones can only be refused.
const KEPT_MS = 7 * 24 * 3_600_000;

export interface UnsentLike extends TrackName {
  readonly sessionId: string;
  readonly at: number;
  /** It went out at least once: its answer may have been lost, and the like be stored. */
  readonly sent?: boolean;
  /** Not the like is to be sent, but that it was taken back. */
  readonly takenBack?: boolean;
}

const like = (value: unknown, at: string): UnsentLike => {
  const from = fields(value, at);
  return {
    sessionId: need(from, "sessionId", text(64)),
    title: need(from, "title", text(1000)),
    artist: need(from, "artist", text(1000)),
    at: need(from, "at", integer(0)),
    ...(maybe(from, "sent", flag) === true ? { sent: true } : {}),
    ...(maybe(from, "takenBack", flag) === true ? { takenBack: true } : {}),
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

  /** Likes that are to be sent. */
  likes(): UnsentLike[] {
    return this.all().filter((entry) => entry.takenBack !== true);
  }

  /** Likes that the server may have and shall not. */
  takenBack(): UnsentLike[] {
    return this.all().filter((entry) => entry.takenBack === true);
  }

  /** `sends`: it goes out at once. One that went out before, or was taken back since, counts as sent for good. */
  add(sessionId: string, named: TrackName, sends: boolean): void {
    const entry = { sessionId, ...named, at: this.now() };
    const before = this.all().find((other) => same(other, entry));
    const sent = sends || before?.sent === true || before?.takenBack === true;
    this.put({ ...entry, ...(sent ? { sent } : {}) });
  }

  /** They go out now: from here on nobody knows what the server has. */
  sends(sessionId: string, names: readonly TrackName[]): void {
    const going = (entry: UnsentLike) =>
      names.some((named) => same(entry, { sessionId, ...named }));
    const sent = (entry: UnsentLike): UnsentLike => ({ ...entry, sent: true });
    this.write(this.all().map((entry) => (going(entry) ? sent(entry) : entry)));
  }

  wasSent(sessionId: string, named: TrackName): boolean {
    return this.all().some((entry) => entry.sent === true && same(entry, { sessionId, ...named }));
  }

  takeBack(sessionId: string, named: TrackName): void {
    this.put({ sessionId, ...named, at: this.now(), takenBack: true });
  }

  /** Strikes out likes. One that was taken back meanwhile is written down as that, and stays. */
  remove(sessionId: string, names: readonly TrackName[]): void {
    this.strike(sessionId, names, false);
  }

  removeTakenBack(sessionId: string, named: TrackName): void {
    this.strike(sessionId, [named], true);
  }

  private strike(sessionId: string, names: readonly TrackName[], takenBack: boolean): void {
    const gone = (entry: UnsentLike) =>
      (entry.takenBack === true) === takenBack &&
      names.some((named) => same(entry, { sessionId, ...named }));
    this.write(this.all().filter((entry) => !gone(entry)));
  }

  private put(entry: UnsentLike): void {
    const others = this.all().filter((other) => !same(other, entry));
    this.write([...others, entry].slice(-MOST));
  }

  private now(): number {
    return Math.round(this.wallClock());
  }

  private write(entries: UnsentLike[]): void {
    this.storage.set(KEY, JSON.stringify(entries));
  }
}

function same(a: TrackName & { sessionId: string }, b: TrackName & { sessionId: string }): boolean {
  return a.sessionId === b.sessionId && trackKey(a) === trackKey(b);
}
