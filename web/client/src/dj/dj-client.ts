// The DJ of one session: what the floor sees, how it feels, and the words that the DJ says to it.
//
// It promises: a track that was played is stored, in order and once, even if the page was closed in between; a session
// that is over is never brought back by a page that slept; and what the console shows is what the floor was told.

import { Connection, type Status } from "../connection.ts";
import { act, type LocalAction, type SnapshotTrack } from "../local.ts";
import type { Codec } from "../codec.ts";
import type { ServerMessage } from "../messages.ts";
import type { Cancel, Platform } from "../platform.ts";
import { reduce } from "../reduce.ts";
import { RequestError, Requests } from "../requests.ts";
import { ServerClock } from "../server-clock.ts";
import { initialState, type LiveState } from "../state.ts";
import { Crowd, type Minute, type Taken } from "./crowd.ts";
import type { DjTrack, MomentWord, NewPoll, OrderedWord } from "./messages.ts";
import { DjOutbox } from "./outbox.ts";
import type { OwnSession } from "./own-session.ts";

/** How often the console is told of likes: a floor gives thousands a minute, a screen shows none of them singly. */
const PACE_MS = 250;

export interface Refusal {
  readonly id: number;
  readonly about: OrderedWord["type"];
  readonly words: string;
}

export interface DjState {
  /** The session as the floor sees it. */
  readonly floor: LiveState;
  /** Words that the server has not stored yet, oldest first. */
  readonly waiting: readonly OrderedWord[];
  readonly likesPerMinute: number;
  readonly crowd: readonly Minute[];
  /** The last word that the server would not have. */
  readonly refusal?: Refusal;
}

export interface DjClientOptions {
  url: string;
  session: OwnSession;
  platform: Platform;
  /** The form of the wire; JSON unless another one is given. */
  codec?: Codec;
}

export class DjClient {
  private floor: LiveState;
  private refusal: Refusal | undefined;
  private state: DjState;
  private readonly watchers = new Set<(state: DjState) => void>();
  private readonly clock: ServerClock;
  private readonly connection: Connection;
  private readonly requests: Requests;
  private readonly outbox: DjOutbox;
  private readonly crowd: Crowd;
  private arriving = false;
  private cancelTell: Cancel | undefined;

  constructor(private readonly options: DjClientOptions) {
    const { url, session, platform, codec } = options;
    const { sessionId, djName, ownerToken } = session;
    this.floor = { ...initialState(sessionId), djName };
    this.clock = new ServerClock(platform);
    this.connection = new Connection(
      platform,
      {
        url,
        sessionId,
        clientId: platform.newId(),
        codec,
        // Only of a session that goes on: registering one that is over would begin it anew.
        claim: () =>
          this.floor.phase === "ended"
            ? undefined
            : { type: "REGISTER_SESSION", sessionId, djName, token: ownerToken },
      },
      this.clock,
      {
        status: (status) => this.connectionIs(status),
        message: (message) => this.heard(message),
      },
    );
    this.requests = new Requests(platform, (message) => this.connection.send(message));
    this.outbox = new DjOutbox(sessionId, platform, {
      send: (message) => this.connection.send(message),
      changed: () => this.tell(),
      refused: (word, words) => {
        this.refusal = { id: (this.refusal?.id ?? 0) + 1, about: word.type, words };
        this.tell();
      },
    });
    this.crowd = new Crowd(sessionId, platform.storage);
    this.state = this.look();
  }

  get current(): DjState {
    return this.state;
  }

  get session(): OwnSession {
    return this.options.session;
  }

  watch(watcher: (state: DjState) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  open(): void {
    this.connection.open();
  }

  close(): void {
    this.cancelTell?.();
    this.connection.close();
    this.requests.close();
    this.outbox.close();
    this.watchers.clear();
  }

  wake(): void {
    this.connection.wake();
  }

  /** Time passed, and what counts by time is another number now. */
  refresh(): void {
    this.tell();
  }

  serverNow(): number {
    return this.clock.now();
  }

  /** Plays now: the moment goes along, since the word may wait for the network. */
  play(track: DjTrack): boolean {
    const playedAt = new Date(this.serverNow()).toISOString();
    return this.say({ type: "BROADCAST_TRACK", sessionId: this.id, track, playedAt });
  }

  /** Another spelling, tempo or key of what plays. */
  correct(track: DjTrack): boolean {
    return this.say({ type: "METADATA_UPDATED", sessionId: this.id, track });
  }

  stop(): boolean {
    return this.say({ type: "TRACK_STOPPED", sessionId: this.id });
  }

  end(): boolean {
    return this.say({ type: "END_SESSION", sessionId: this.id });
  }

  /** While the end has not left this device it can be taken back. */
  withdrawEnd(): boolean {
    const withdrawn = this.outbox.withdraw("END_SESSION");
    this.tell();
    return withdrawn;
  }

  startPoll(poll: NewPoll): Promise<void> {
    return this.ask({ type: "START_POLL", sessionId: this.id, ...poll });
  }

  endPoll(pollId: number): Promise<void> {
    return this.ask({ type: "END_POLL", pollId });
  }

  cancelPoll(pollId: number): Promise<void> {
    return this.ask({ type: "CANCEL_POLL", pollId });
  }

  /** With `push` also to dancers whose page is closed, if they asked for notifications. */
  announce(message: string, durationSeconds?: number, push?: boolean): Promise<void> {
    const until = durationSeconds === undefined ? {} : { durationSeconds };
    const also = push === undefined ? {} : { push };
    return this.ask({ type: "SEND_ANNOUNCEMENT", sessionId: this.id, message, ...until, ...also });
  }

  cancelAnnouncement(): Promise<void> {
    return this.ask({ type: "CANCEL_ANNOUNCEMENT", sessionId: this.id });
  }

  /** What the REST answer knows of the evening, newest first: likes that were given while this page was away. */
  seen(tracks: readonly SnapshotTrack[]): void {
    this.act({ type: "snapshot", tracks });
  }

  /** What the REST answer knows of the time before this page was opened. */
  recall(tracks: readonly Taken[]): void {
    this.crowd.recall(tracks);
    this.tell();
  }

  private get id(): string {
    return this.options.session.sessionId;
  }

  private say(word: OrderedWord): boolean {
    return this.outbox.push(word);
  }

  private ask(word: MomentWord): Promise<void> {
    if (this.floor.connection.kind !== "live") {
      return Promise.reject(new RequestError("unsent", "Not connected"));
    }
    return this.requests.ask(word);
  }

  private heard(message: ServerMessage): void {
    if (message.type === "ACK" || message.type === "NACK") {
      const error = message.type === "NACK" ? message.error : undefined;
      if (!this.outbox.answered(message.messageId, error)) {
        this.requests.answered(message.messageId, error);
      }
      return;
    }
    if (message.type === "SUBSCRIBED") this.arriving = true;
    const before = this.floor;
    this.floor = reduce(before, message);
    if (message.type === "LIKE_RECEIVED") this.crowd.like(this.serverNow());
    if (this.floor.listeners !== before.listeners || this.floor.tempo !== before.tempo) {
      const { listeners = 0, tempo } = this.floor;
      this.crowd.feel(this.serverNow(), { listeners, ...tempo });
    }
    if (this.floor.phase === "ended") this.outbox.clear();
    if (this.floor !== before) this.tell();
  }

  private connectionIs(status: Status): void {
    this.arriving = false;
    this.floor = { ...this.floor, connection: status };
    if (status.kind === "live") {
      this.requests.connected();
      if (this.floor.phase !== "ended") this.outbox.connected();
    } else {
      this.requests.disconnected();
      this.outbox.disconnected();
    }
    this.tellNow();
  }

  private act(action: LocalAction): void {
    this.floor = act(this.floor, action);
    this.tell();
  }

  /** Soon, and once for all that happens until then. */
  private tell(): void {
    this.cancelTell ??= this.options.platform.after(PACE_MS, () => this.tellNow());
  }

  private tellNow(): void {
    this.cancelTell?.();
    this.cancelTell = undefined;
    if (this.arriving) return;
    this.state = this.look();
    for (const watcher of this.watchers) watcher(this.state);
  }

  private look(): DjState {
    return {
      floor: this.floor,
      waiting: this.outbox.waiting,
      likesPerMinute: this.crowd.likesPerMinute(this.serverNow()),
      crowd: [...this.crowd.series],
      ...(this.refusal === undefined ? {} : { refusal: this.refusal }),
    };
  }
}
