// One dancer at one session: the connection, what is asked over it, and the state that a page shows.

import type { Codec } from "./codec.ts";
import { Connection, type Counts, type Status } from "./connection.ts";
import { LikeJournal } from "./like-journal.ts";
import { LikedMemory } from "./liked-memory.ts";
import { Likes } from "./likes.ts";
import { act, type LocalAction, type SnapshotTrack } from "./local.ts";
import type { ServerMessage, Tempo } from "./messages.ts";
import type { Platform } from "./platform.ts";
import { isOver } from "./reduce-poll.ts";
import { reduce } from "./reduce.ts";
import { RequestError, Requests } from "./requests.ts";
import { ServerClock } from "./server-clock.ts";
import { initialState, type LiveState } from "./state.ts";
import type { TrackName } from "./track.ts";

const CLIENT_ID = "pika.client";
const OFFLINE = "Not connected";

export interface LiveClientOptions {
  url: string;
  sessionId: string;
  platform: Platform;
  /** The form of the wire; JSON unless another one is given. */
  codec?: Codec;
}

export class LiveClient {
  private state: LiveState;
  private readonly watchers = new Set<(state: LiveState) => void>();
  private readonly clock: ServerClock;
  private readonly connection: Connection;
  private readonly requests: Requests;
  private readonly likes: Likes;
  private readonly clientId: string;
  /** While a state arrives message by message nobody is told: half of it would flicker. */
  private arriving = false;

  constructor({ url, sessionId, platform, codec }: LiveClientOptions) {
    this.state = initialState(sessionId);
    this.clientId = labelOf(platform);
    this.clock = new ServerClock(platform);
    this.connection = new Connection(
      platform,
      { url, sessionId, clientId: this.clientId, codec },
      this.clock,
      {
        status: (status) => this.connectionIs(status),
        message: (message) => this.heard(message),
      },
    );
    this.requests = new Requests(platform, (message) => this.connection.send(message));
    const { storage, wallClock } = platform;
    this.likes = new Likes(
      sessionId,
      platform,
      this.requests,
      new LikeJournal(storage, () => wallClock()),
      new LikedMemory(storage),
      (action) => this.act(action),
    );
    this.likes.restore();
  }

  get current(): LiveState {
    return this.state;
  }

  get counts(): Readonly<Counts> {
    return this.connection.counts;
  }

  watch(watcher: (state: LiveState) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  open(): void {
    this.connection.open();
  }

  /** Ends for good: what waits for an answer is given up, unsent likes stay written down. */
  close(): void {
    this.connection.close();
    this.requests.close();
    this.watchers.clear();
  }

  wake(): void {
    this.connection.wake();
  }

  /** Milliseconds since 1970 by the server's clock: what every `endsAt` is to be compared with. */
  serverNow(): number {
    return this.clock.now();
  }

  like(named: TrackName): void {
    this.likes.like(named);
  }

  unlike(named: TrackName): void {
    this.likes.unlike(named);
  }

  /** The wish that stands already is taken back by asking for it again. */
  tempo(preference: Tempo): void {
    const before = this.state.ownTempo;
    const wish = before === preference ? undefined : preference;
    // A wish is about the track that plays now; kept for later it would be about another one.
    if (!this.isLive()) {
      this.act({ type: "notice", about: "tempo", words: OFFLINE });
      return;
    }
    this.act({ type: "tempo-wish", preference: wish });
    const { sessionId } = this.state;
    this.requests
      .ask({ type: "SEND_TEMPO_REQUEST", sessionId, preference: wish ?? "clear" }, "tempo")
      .catch((error: RequestError) => {
        if (error.refusal === "superseded") return;
        this.act({ type: "tempo-wish", preference: before });
        this.act({ type: "notice", about: "tempo", words: error.error });
      });
  }

  vote(optionIndex: number): void {
    const { poll } = this.state;
    if (poll === undefined || isOver(poll)) return;
    const { pollId } = poll;
    this.act({ type: "vote-sent", pollId, optionIndex });
    const { clientId } = this;
    this.requests
      .ask({ type: "VOTE_ON_POLL", pollId, optionIndex, clientId }, `vote ${pollId}`)
      .then(
        () => this.act({ type: "vote-stored", pollId }),
        (error: RequestError) => {
          if (error.refusal === "superseded") return;
          this.act({ type: "vote-failed", pollId, words: error.error });
        },
      );
  }

  /** Whether the thanks were stored. */
  async thank(): Promise<boolean> {
    const { sessionId } = this.state;
    try {
      if (!this.isLive()) throw new RequestError("unsent", OFFLINE);
      await this.requests.ask(
        { type: "SEND_REACTION", sessionId, reaction: "thank_you" },
        "thanks",
      );
      return true;
    } catch (error) {
      const { refusal, error: words } = error as RequestError;
      if (refusal !== "superseded") this.act({ type: "notice", about: "thanks", words });
      return false;
    }
  }

  /** What the REST answer knows of the evening, newest first. */
  seen(tracks: readonly SnapshotTrack[], djName?: string): void {
    this.act({ type: "snapshot", tracks, djName });
  }

  djAway(away: boolean): void {
    if (this.state.djAway !== away) this.act({ type: "dj-away", away });
  }

  private isLive(): boolean {
    return this.state.connection.kind === "live";
  }

  private heard(message: ServerMessage): void {
    if (message.type === "ACK") this.requests.answered(message.messageId);
    else if (message.type === "NACK") this.requests.answered(message.messageId, message.error);
    else if (message.type === "SUBSCRIBED") this.arriving = true;
    const before = this.state;
    this.become(reduce(before, message));
    const { startedAt, recent } = this.state;
    const begins = message.type === "SESSION_STARTED" && this.state !== before;
    if (begins || startedAt !== before.startedAt) this.likes.belongTo(startedAt);
    if (recent[0]?.key !== before.recent[0]?.key) this.requests.forget("tempo");
  }

  private connectionIs(status: Status): void {
    this.arriving = false;
    this.act({ type: "connection", status });
    if (status.kind === "live") {
      this.requests.connected();
      this.likes.connected();
    } else {
      this.requests.disconnected();
      this.likes.disconnected();
    }
  }

  private act(action: LocalAction): void {
    this.become(act(this.state, action));
  }

  private become(state: LiveState): void {
    if (state === this.state && !this.arriving) return;
    this.state = state;
    if (this.arriving) return;
    for (const watcher of this.watchers) watcher(state);
  }
}

/** A label for the server's logs and for today's clients' habits; it proves nothing and opens nothing. */
function labelOf(platform: Platform): string {
  const known = platform.storage.get(CLIENT_ID);
  if (known !== null && known.length >= 8 && known.length <= 256) return known;
  const made = platform.newId();
  platform.storage.set(CLIENT_ID, made);
  return made;
}
