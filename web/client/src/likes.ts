// Liking and taking back. The heart follows the thumb at once; the server's answer only ever corrects it.

import type { LikeJournal, UnsentLike } from "./like-journal.ts";
import type { LikedMemory } from "./liked-memory.ts";
import type { LocalAction } from "./local.ts";
import type { Cancel, Platform } from "./platform.ts";
import { RequestError, type Requests } from "./requests.ts";
import type { LikeMark } from "./state.ts";
import { trackKey, type TrackName } from "./track.ts";

// The contract's limit for one SEND_BULK_LIKE.
const BULK = 100;
// Likes that stayed unanswered while connected are offered again after this; it is no hurry.
const AGAIN_MS = 30_000;

const ALREADY = /already liked/i;
const TOO_MANY = /rate limit/i;

export class Likes {
  private readonly marks = new Map<string, LikeMark>();
  private run = "";
  private live = false;
  private bulk: Promise<unknown> = Promise.resolve();
  private cancelAgain: Cancel = () => {};

  constructor(
    private readonly sessionId: string,
    private readonly platform: Platform,
    private readonly requests: Requests,
    private readonly journal: LikeJournal,
    private readonly memory: LikedMemory,
    private readonly act: (action: LocalAction) => void,
  ) {}

  /** What an earlier visit left unsent shows as queued before there is any connection. */
  restore(): void {
    for (const entry of this.journal.all()) {
      if (entry.sessionId === this.sessionId) this.mark(trackKey(entry), "queued");
    }
  }

  /** The session's run is known, or is another one: hearts belong to a run. */
  belongTo(startedAt: number | undefined): void {
    this.run = String(startedAt ?? "");
    for (const [key, mark] of this.marks) if (mark === "liked") this.marks.delete(key);
    for (const key of this.memory.keys(this.sessionId, this.run)) this.marks.set(key, "liked");
    for (const [key, mark] of this.marks) this.act({ type: "like-mark", key, mark });
  }

  connected(): void {
    this.live = true;
    this.flush();
  }

  disconnected(): void {
    this.live = false;
    this.cancelAgain();
  }

  like({ title, artist }: TrackName): void {
    const named = { title, artist };
    const key = trackKey(named);
    if (this.marks.has(key)) return;
    this.journal.add(this.sessionId, named);
    if (!this.live) {
      this.mark(key, "queued");
      return;
    }
    this.mark(key, "sending");
    const message = {
      type: "SEND_LIKE" as const,
      sessionId: this.sessionId,
      payload: { track: named },
    };
    this.requests.ask(message, about(key)).then(
      () => this.stored(this.sessionId, [named]),
      (error: RequestError) => this.failed(this.sessionId, [named], error),
    );
  }

  unlike({ title, artist }: TrackName): void {
    const named = { title, artist };
    const key = trackKey(named);
    const before = this.marks.get(key);
    if (before === undefined) return;
    this.journal.remove(this.sessionId, [named]);
    this.mark(key, undefined);
    this.remember(key, false);
    // A queued like was never sent, or nobody knows whether it was: then it is taken back like a sent one.
    if (before === "queued" && !this.live) return;
    const message = {
      type: "REMOVE_LIKE" as const,
      sessionId: this.sessionId,
      payload: { track: named },
    };
    // Behind a bulk that holds this like, so that the bulk cannot bring it back.
    void this.bulk
      .then(() => (this.marks.has(key) ? undefined : this.requests.ask(message, about(key))))
      .then(
        () => before === "liked" && !this.marks.has(key) && this.act({ type: "unliked", key }),
        (error: RequestError) => this.notTakenBack(key, before, error),
      );
  }

  /** Sends what is written down, of this session and of earlier ones. */
  private flush(): void {
    this.cancelAgain();
    const waiting = this.journal
      .all()
      .filter((entry) => entry.sessionId !== this.sessionId || this.markOf(entry) !== "sending");
    for (const sessionId of new Set(waiting.map((entry) => entry.sessionId))) {
      const entries = waiting.filter((entry) => entry.sessionId === sessionId);
      for (let i = 0; i < entries.length; i += BULK)
        this.sendBulk(sessionId, entries.slice(i, i + BULK));
    }
  }

  private sendBulk(sessionId: string, entries: UnsentLike[]): void {
    const tracks = entries.map(({ title, artist }) => ({ title, artist }));
    if (sessionId === this.sessionId)
      for (const named of tracks) this.mark(trackKey(named), "sending");
    const sent = this.requests.ask({ type: "SEND_BULK_LIKE", sessionId, payload: { tracks } }).then(
      () => this.stored(sessionId, tracks),
      (error: RequestError) => this.failed(sessionId, tracks, error),
    );
    this.bulk = Promise.allSettled([this.bulk, sent]);
  }

  private stored(sessionId: string, names: readonly TrackName[]): void {
    this.journal.remove(sessionId, names);
    if (sessionId !== this.sessionId) return;
    for (const key of names.map(trackKey)) {
      // Taken back meanwhile: the heart stays empty.
      if (this.marks.get(key) !== "sending") continue;
      this.mark(key, "liked");
      this.remember(key, true);
    }
  }

  private failed(sessionId: string, names: readonly TrackName[], error: RequestError): void {
    if (error.refusal === "superseded") return;
    if (error.refusal === "refused" && ALREADY.test(error.error)) {
      this.stored(sessionId, names);
      return;
    }
    const bulk = names.length > 1 || sessionId !== this.sessionId;
    const final = error.refusal === "refused" && !(bulk && TOO_MANY.test(error.error));
    if (final) this.journal.remove(sessionId, names);
    else this.later();
    if (sessionId !== this.sessionId) return;
    const ours = names.map(trackKey).filter((key) => this.marks.get(key) === "sending");
    for (const key of ours) this.mark(key, final ? undefined : "queued");
    if (final && ours.length > 0) this.act({ type: "notice", about: "like", words: error.error });
  }

  private notTakenBack(key: string, before: LikeMark, error: RequestError): void {
    if (error.refusal === "superseded" || this.marks.has(key)) return;
    // A refused undo of a like that the server never had leaves things as they were wanted.
    if (before !== "liked") return;
    this.mark(key, "liked");
    this.remember(key, true);
    this.act({ type: "notice", about: "unlike", words: error.error });
  }

  private later(): void {
    this.cancelAgain();
    if (this.live) this.cancelAgain = this.platform.after(AGAIN_MS, () => this.flush());
  }

  private markOf(named: TrackName): LikeMark | undefined {
    return this.marks.get(trackKey(named));
  }

  private mark(key: string, mark: LikeMark | undefined): void {
    if (mark === undefined) this.marks.delete(key);
    else this.marks.set(key, mark);
    this.act({ type: "like-mark", key, mark });
  }

  private remember(key: string, liked: boolean): void {
    this.memory.set(this.sessionId, this.run, key, liked);
  }
}

function about(key: string): string {
  return `like ${key}`;
}
