// Asking and being answered. ACK means stored; "Temporarily unavailable" and a lost socket mean *unknown*, and the
// same messageId makes it safe to ask again: the server applies a repeat once.

import { backoff } from "./backoff.ts";
import type { MomentWord } from "./dj/messages.ts";
import type { ClientMessage } from "./messages.ts";
import type { Cancel, Platform } from "./platform.ts";

// A thumb makes a few requests a minute; more than this at once is a fault, and memory stays bounded.
const MOST_PENDING = 64;
const MOST_TRIES = 5;
// Longer than any answer of a healthy server, shorter than a dancer's patience.
const ANSWER_MS = 8_000;
// After a minute the song is another one: whoever asked is told that nobody knows.
const GIVE_UP_MS = 60_000;
// The server closes the socket over 10 KiB, or 128 KiB for a bulk of likes; a little is left for framing.
const LARGEST = 10_000;
const LARGEST_BULK = 128_000;

const UNKNOWN_YET = "Temporarily unavailable";

export type Refusal =
  /** The server said no; `error` has its words. */
  | "refused"
  /** Nobody answered in time: it may or may not have been stored. */
  | "unknown"
  /** A newer wish about the same thing replaced this one. */
  | "superseded"
  /** Never sent: too large, too many at once, or the client was closed. */
  | "unsent";

export class RequestError extends Error {
  override name = "RequestError";
  constructor(
    readonly refusal: Refusal,
    readonly error: string,
  ) {
    super(error);
  }
}

interface Pending {
  readonly request: object;
  readonly about: string | undefined;
  tries: number;
  sent: boolean;
  settle(error?: RequestError): void;
  cancelTry: Cancel;
}

type Time = Pick<Platform, "after" | "random" | "newId">;

export class Requests {
  private readonly pending = new Map<string, Pending>();
  private up = false;

  constructor(
    private readonly platform: Time,
    private readonly send: (request: object) => void,
  ) {}

  /**
   * Resolves at ACK. `about` names what the wish concerns: a newer wish about the same thing ends the repeats of
   * the older one, which could otherwise arrive late and undo it.
   */
  ask(message: ClientMessage | MomentWord, about?: string): Promise<void> {
    if (about !== undefined) this.forget(about);
    const messageId = this.platform.newId();
    const request = { ...message, messageId };
    const limit = message.type === "SEND_BULK_LIKE" ? LARGEST_BULK : LARGEST;
    if (sizeOf(request) > limit) return unsent("Too large to send");
    if (this.pending.size >= MOST_PENDING) return unsent("Too much at once");

    return new Promise((resolve, reject) => {
      const cancelDeadline = this.platform.after(GIVE_UP_MS, () => entry.settle(unknown()));
      const entry: Pending = {
        request,
        about,
        tries: 0,
        sent: false,
        cancelTry: () => {},
        settle: (error) => {
          cancelDeadline();
          entry.cancelTry();
          this.pending.delete(messageId);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.pending.set(messageId, entry);
      if (this.up) this.try(entry);
    });
  }

  answered(messageId: string, error?: string): void {
    const entry = this.pending.get(messageId);
    if (entry === undefined) return;
    if (error !== UNKNOWN_YET) {
      entry.settle(error === undefined ? undefined : new RequestError("refused", error));
      return;
    }
    entry.cancelTry();
    entry.cancelTry = this.platform.after(backoff(entry.tries, this.platform.random), () =>
      this.try(entry),
    );
  }

  /** The session is joined: what was never answered goes again, oldest first. */
  connected(): void {
    this.up = true;
    for (const entry of this.pending.values()) this.try(entry);
  }

  disconnected(): void {
    this.up = false;
    for (const entry of this.pending.values()) entry.cancelTry();
  }

  /** Ends the repeats of what was asked about something, for instance a track that is no longer playing. */
  forget(about: string): void {
    for (const entry of this.pending.values()) {
      if (entry.about === about) entry.settle(new RequestError("superseded", "Superseded"));
    }
  }

  close(): void {
    this.up = false;
    for (const entry of this.pending.values()) {
      entry.settle(new RequestError(entry.sent ? "unknown" : "unsent", "Closed"));
    }
  }

  private try(entry: Pending): void {
    entry.cancelTry();
    if (!this.up) return;
    if (entry.tries >= MOST_TRIES) {
      entry.settle(unknown());
      return;
    }
    entry.tries += 1;
    entry.sent = true;
    entry.cancelTry = this.platform.after(ANSWER_MS, () => this.try(entry));
    this.send(entry.request);
  }
}

/** As JSON has it: no other form of the wire is larger. */
function sizeOf(request: object): number {
  return new TextEncoder().encode(JSON.stringify(request)).length;
}

function unsent(why: string): Promise<never> {
  return Promise.reject(new RequestError("unsent", why));
}

function unknown(): RequestError {
  return new RequestError("unknown", "No answer");
}
