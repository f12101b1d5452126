// The DJ's words in their order: none lost, none twice, none overtaken, whatever the network does and however often the
// page is closed. One at a time is on its way; it stays written down until the server has stored it.

import { backoff } from "../backoff.ts";
import type { Cancel, Platform } from "../platform.ts";
import { fields, list, need, text, type Reader } from "../shape.ts";
import type { OrderedWord } from "./messages.ts";

const KEY = "pika.dj.unsent";
// A day of tracks without any network.
const MOST = 500;
const ANSWER_MS = 8_000;
// The server admits ten tracks in ten seconds.
const RATE_PAUSE_MS = 1_500;

const LATER = /^temporarily unavailable/i;
const TOO_FAST = /rate limit/i;

export interface OutboxEvents {
  send(message: object): void;
  changed(): void;
  /** The server will not have this one; it is dropped, and the next one goes. */
  refused(word: OrderedWord, words: string): void;
}

interface Entry {
  readonly id: string;
  readonly word: OrderedWord;
}

const entry: Reader<Entry & { sessionId: string }> = (value, at) => {
  const from = fields(value, at);
  const word = need(from, "word", fields) as unknown as OrderedWord;
  return {
    id: need(from, "id", text(64)),
    word,
    sessionId: need(need(from, "word", fields), "sessionId", text(64)),
  };
};

export class DjOutbox {
  private entries: Entry[];
  private up = false;
  private tries = 0;
  private cancelTry: Cancel = () => {};

  constructor(
    sessionId: string,
    private readonly platform: Platform,
    private readonly events: OutboxEvents,
  ) {
    this.entries = restore(platform, sessionId);
  }

  get waiting(): readonly OrderedWord[] {
    return this.entries.map(({ word }) => word);
  }

  /** False: more is waiting than an evening holds. */
  push(word: OrderedWord): boolean {
    if (this.entries.length >= MOST) return false;
    this.entries.push({ id: this.platform.newId(), word });
    this.save();
    if (this.entries.length === 1) this.try();
    return true;
  }

  /** Takes back what is not on its way yet; gives whether there was something to take back. */
  withdraw(type: OrderedWord["type"]): boolean {
    const before = this.entries.length;
    const kept = this.up && this.tries > 0 ? 1 : 0;
    this.entries = this.entries.filter((one, i) => i < kept || one.word.type !== type);
    if (this.entries.length === before) return false;
    this.save();
    return true;
  }

  connected(): void {
    this.up = true;
    this.tries = 0;
    this.try();
  }

  disconnected(): void {
    this.up = false;
    this.cancelTry();
  }

  /** Whether the answer was to a word of this outbox. */
  answered(messageId: string, error?: string): boolean {
    const [head] = this.entries;
    if (head?.id !== messageId) return false;
    this.cancelTry();
    if (error !== undefined && (LATER.test(error) || TOO_FAST.test(error))) {
      const pause = LATER.test(error) ? backoff(this.tries, this.platform.random) : RATE_PAUSE_MS;
      this.cancelTry = this.platform.after(pause, () => this.try());
      return true;
    }
    this.entries.shift();
    this.tries = 0;
    this.save();
    if (error !== undefined) this.events.refused(head.word, error);
    this.try();
    return true;
  }

  /** The session is over: what still waits can never be stored. */
  clear(): void {
    this.cancelTry();
    this.entries = [];
    this.save();
  }

  close(): void {
    this.up = false;
    this.cancelTry();
  }

  private try(): void {
    this.cancelTry();
    const [head] = this.entries;
    if (!this.up || head === undefined) return;
    this.tries += 1;
    this.events.send({ ...head.word, messageId: head.id });
    // A socket that swallows words is found out by its heartbeat; until then the same word goes again.
    this.cancelTry = this.platform.after(ANSWER_MS, () => this.try());
  }

  private save(): void {
    this.platform.storage.set(KEY, JSON.stringify(this.entries));
    this.events.changed();
  }
}

/** Words of another session are of an evening that was given up. */
function restore({ storage }: Platform, sessionId: string): Entry[] {
  try {
    const all = list(entry, MOST)(JSON.parse(storage.get(KEY) ?? "[]"), KEY);
    return all.filter((one) => one.sessionId === sessionId).map(({ id, word }) => ({ id, word }));
  } catch {
    return [];
  }
}
