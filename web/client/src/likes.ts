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
  /** How likes stood that are being taken back, for the day when the server will not have it. */
  private readonly before = new Map<string, LikeMark>();
  /** What is being taken back at this moment. */
  private readonly leaving = new Set<string>();
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
    for (const entry of this.journal.likes()) {
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
    this.journal.add(this.sessionId, named, this.live);
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
    this.mark(key, undefined);
    this.remember(key, false);
    if (before === "queued" && !this.live && !this.journal.wasSent(this.sessionId, named)) {
      this.journal.remove(this.sessionId, [named]);
      return;
    }
    // The server has it, or nobody knows whether it does: written down until it is taken back there.
    this.journal.takeBack(this.sessionId, named);
    this.requests.forget(about(key));
    this.before.set(key, before);
    if (this.live) this.takeBack(this.sessionId, named);
  }

  /** Sends what is written down, of this session and of earlier ones. */
  private flush(): void {
    this.cancelAgain();
    const waiting = this.journal
      .likes()
      .filter((entry) => entry.sessionId !== this.sessionId || this.markOf(entry) !== "sending");
    for (const sessionId of new Set(waiting.map((entry) => entry.sessionId))) {
      const entries = waiting.filter((entry) => entry.sessionId === sessionId);
      for (let i = 0; i < entries.length; i += BULK)
        this.sendBulk(sessionId, entries.slice(i, i + BULK));
    }
    for (const { sessionId, title, artist } of this.journal.takenBack()) {
      const named = { title, artist };
      if (!this.leaving.has(`${sessionId} ${trackKey(named)}`)) this.takeBack(sessionId, named);
    }
  }

  private takeBack(sessionId: string, named: TrackName): void {
    const key = trackKey(named);
    const leaving = `${sessionId} ${key}`;
    const ours = sessionId === this.sessionId;
    const message = { type: "REMOVE_LIKE" as const, sessionId, payload: { track: named } };
    this.leaving.add(leaving);
    // Behind a bulk that holds this like, so that the bulk cannot bring it back.
    void this.bulk
      .then(async () => {
        // Liked again meanwhile: then that is what is written down.
        if (ours && this.marks.has(key)) return;
        await this.requests.ask(message, ours ? about(key) : `like ${leaving}`);
        this.journal.removeTakenBack(sessionId, named);
        if (!ours || this.marks.has(key)) return;
        if (this.before.get(key) === "liked") this.act({ type: "unliked", key });
        this.before.delete(key);
      })
      .catch((error: RequestError) => this.notTakenBack(sessionId, named, error))
      .finally(() => this.leaving.delete(leaving));
  }

  private sendBulk(sessionId: string, entries: UnsentLike[]): void {
    const tracks = entries.map(({ title, artist }) => ({ title, artist }));
    this.journal.sends(sessionId, tracks);
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

  private notTakenBack(sessionId: string, named: TrackName, error: RequestError): void {
    if (error.refusal === "superseded") return;
    if (error.refusal !== "refused") {
      this.later();
      return;
    }
    this.journal.removeTakenBack(sessionId, named);
    const key = trackKey(named);
    // A refused undo of a like that the server never had leaves things as they were wanted.
    if (sessionId !== this.sessionId || this.marks.has(key)) return;
    if (this.before.get(key) !== "liked") return;
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
