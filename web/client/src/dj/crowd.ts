// How the floor felt, minute by minute. Pure, and bounded: an evening has an end, and so has the memory of it.

import { fields, integer, list, need, text } from "../shape.ts";
import type { Storage } from "../platform.ts";

const MINUTE = 60_000;
/** Half a day of minutes. */
const MOST = 720;
/** Likes of the last minute are counted in slices of five seconds. */
const SLICE = 5_000;
const KEY = "pika.dj.crowd";
const UNKNOWN = -1;

export interface Minute {
  /** When it began, in milliseconds since 1970. */
  readonly at: number;
  readonly likes: number;
  /** `null`: nobody noted how many. */
  readonly listeners: number | null;
  /** From −1, all want it slower, to 1, all want it faster; 0 too when nobody wished. */
  readonly tempo: number;
}

export interface Felt {
  readonly listeners: number;
  readonly slower: number;
  readonly perfect: number;
  readonly faster: number;
}

/** What is known of a track of the evening: when it began, and how it was taken. */
export interface Taken {
  readonly at: number;
  readonly likes: number;
  /** As a minute has it. */
  readonly tempo: number;
}

export class Crowd {
  private readonly minutes: Minute[];
  private readonly slices = new Map<number, number>();

  constructor(
    private readonly sessionId: string,
    private readonly storage: Storage,
  ) {
    this.minutes = restore(storage, sessionId);
  }

  get series(): readonly Minute[] {
    return this.minutes;
  }

  like(now: number): void {
    const slice = Math.floor(now / SLICE);
    this.slices.set(slice, (this.slices.get(slice) ?? 0) + 1);
    const minute = this.minute(now);
    this.replace({ ...minute, likes: minute.likes + 1 });
  }

  /** What stands now becomes what stood in this minute. */
  feel(now: number, { listeners, slower, perfect, faster }: Felt): void {
    const all = slower + perfect + faster;
    const tempo = all === 0 ? 0 : (faster - slower) / all;
    this.replace({ ...this.minute(now), listeners, tempo });
  }

  /** What this device was not there for; of minutes that it lived through it knows more. */
  recall(tracks: readonly Taken[]): void {
    const first = this.minutes[0]?.at ?? Infinity;
    const missed = new Map<number, Minute>();
    for (const { at: began, likes, tempo } of tracks) {
      const at = Math.floor(began / MINUTE) * MINUTE;
      if (at >= first) continue;
      const before = missed.get(at)?.likes ?? 0;
      missed.set(at, { at, likes: before + likes, listeners: null, tempo });
    }
    if (missed.size === 0) return;
    this.minutes.unshift(...[...missed.values()].toSorted((a, b) => a.at - b.at));
    this.minutes.splice(0, Math.max(0, this.minutes.length - MOST));
    this.save();
  }

  likesPerMinute(now: number): number {
    const oldest = Math.floor((now - MINUTE) / SLICE);
    let sum = 0;
    for (const [slice, likes] of this.slices) {
      if (slice <= oldest) this.slices.delete(slice);
      else sum += likes;
    }
    return sum;
  }

  private minute(now: number): Minute {
    const at = Math.floor(now / MINUTE) * MINUTE;
    const last = this.minutes.at(-1);
    if (last !== undefined && last.at >= at) return last;
    const fresh = { at, likes: 0, listeners: last?.listeners ?? 0, tempo: 0 };
    this.minutes.push(fresh);
    if (this.minutes.length > MOST) this.minutes.shift();
    this.save();
    return fresh;
  }

  private replace(minute: Minute): void {
    this.minutes[this.minutes.length - 1] = minute;
  }

  private save(): void {
    const rows = this.minutes.map((one) => [
      one.at,
      one.likes,
      one.listeners ?? UNKNOWN,
      Math.round(one.tempo * 100),
    ]);
    this.storage.set(KEY, JSON.stringify({ sessionId: this.sessionId, rows }));
  }
}

/** A reload of the page goes on with its evening. */
function restore(storage: Storage, sessionId: string): Minute[] {
  try {
    const from = fields(JSON.parse(storage.get(KEY) ?? "null"), KEY);
    if (need(from, "sessionId", text(64)) !== sessionId) return [];
    return need(from, "rows", list(list(integer(-100), 4), MOST)).map((row) => ({
      at: row[0] ?? 0,
      likes: row[1] ?? 0,
      listeners: row[2] === UNKNOWN ? null : (row[2] ?? 0),
      tempo: (row[3] ?? 0) / 100,
    }));
  } catch {
    return [];
  }
}
