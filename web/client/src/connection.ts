// Staying attached to one session: joining, coming back after a loss, moving over when a node drains, and letting
// no message through twice. What the messages mean is decided elsewhere.

import { backoff, comesBack } from "./backoff.ts";
import { json, type Codec } from "./codec.ts";
import { read } from "./decode.ts";
import type { Position, ServerMessage } from "./messages.ts";
import type { Cancel, Platform } from "./platform.ts";
import type { ServerClock } from "./server-clock.ts";
import { Wire } from "./wire.ts";

// A connection that lived this long was a good one: the next loss starts again with a short wait.
const GOOD_AFTER_MS = 10_000;
// SUBSCRIBE may wait for a session's state to be folded; longer than this and another node is worth a try.
const JOIN_MS = 10_000;

export type Status =
  | { kind: "idle" | "connecting" | "live" | "reconnecting" }
  /** The server asked this client not to come back by itself; `code` is a close code, or 0 for a refused join. */
  | { kind: "refused"; code: number; error?: string };

export interface Counts {
  received: number;
  invalid: number;
  unknown: number;
  duplicate: number;
}

export interface ConnectionEvents {
  status(status: Status): void;
  message(message: ServerMessage): void;
}

export interface Joining {
  url: string;
  sessionId: string;
  clientId: string;
  /** The form of the wire; JSON unless another one is given. */
  codec?: Codec | undefined;
  /**
   * What is said once the session's state is known and before the connection counts as live: a DJ's claim to it.
   * Nothing: only a listener.
   */
  claim?: () => Record<string, unknown> | undefined;
}

interface Join {
  messageId: string;
  claiming: boolean;
  readonly cancel: Cancel;
}

export class Connection {
  readonly counts: Counts = { received: 0, invalid: 0, unknown: 0, duplicate: 0 };
  private status: Status = { kind: "idle" };
  private current: Wire | undefined;
  /** The connection to move to, while the current one still serves. */
  private next: Wire | undefined;
  private readonly joins = new Map<Wire, Join>();
  private position: Position | undefined;
  private attempt = 0;
  private readonly codec: Codec;
  private cancelRetry: Cancel = () => {};
  private cancelGood: Cancel = () => {};
  private cancelMove: Cancel = () => {};

  constructor(
    private readonly platform: Platform,
    private readonly joining: Joining,
    private readonly clock: ServerClock,
    private readonly events: ConnectionEvents,
  ) {
    this.codec = joining.codec ?? json;
  }

  open(): void {
    if (this.status.kind === "connecting" || this.status.kind === "live") return;
    this.attempt = 0;
    this.say({ kind: "connecting" });
    this.dial();
  }

  close(): void {
    this.drop();
    this.say({ kind: "idle" });
  }

  send(message: object): void {
    this.current?.send(message);
  }

  /** There is reason to look again: the phone woke up, or the network came back. */
  wake(): void {
    const { kind } = this.status;
    if (kind === "live") {
      // A socket that slept may be dead without knowing it. Another one is tried beside it before it is given up.
      this.current?.probe(() => {
        if (this.next === undefined) this.next = this.wire();
      });
    } else if (kind === "reconnecting" || kind === "connecting") {
      if (this.current?.stalled === true) {
        this.forget(this.current);
        this.current.close();
        this.current = undefined;
      }
      if (this.current === undefined) this.dial();
    }
  }

  private dial(): void {
    this.cancelRetry();
    this.current = this.wire();
  }

  private wire(): Wire {
    return new Wire(this.platform, this.joining.url, this.codec, this.clock, {
      opened: (wire) => this.join(wire),
      heard: (wire, data) => this.heard(wire, data),
      ended: (wire, code) => this.ended(wire, code),
    });
  }

  private join(wire: Wire): void {
    const messageId = this.platform.newId();
    const cancel = this.platform.after(JOIN_MS, () => this.lose(wire));
    this.joins.set(wire, { messageId, claiming: false, cancel });
    const { sessionId, clientId } = this.joining;
    const resume = this.position ?? true;
    wire.send({ type: "SUBSCRIBE", sessionId, clientId, resume, messageId });
  }

  private heard(wire: Wire, data: unknown): void {
    this.counts.received += 1;
    const decoded = read(data, this.codec);
    if (!decoded.ok) {
      this.counts[decoded.why] += 1;
      return;
    }
    const { message } = decoded;
    if (message.type === "PONG") wire.pong(message.timestamp);
    else if (message.type === "GOAWAY") this.moveOver(wire, message.reconnectInMs);
    else if (message.type === "SUBSCRIBED") this.subscribed(wire, message);
    else if ("messageId" in message && message.messageId === this.joins.get(wire)?.messageId)
      this.joined(wire, message.type === "NACK" ? message.error : undefined);
    // Until the new connection is subscribed the old one tells the same, and in order.
    else if (wire === this.current) this.pass(message);
  }

  private subscribed(wire: Wire, message: ServerMessage<"SUBSCRIBED">): void {
    if (wire === this.next) {
      this.current?.close();
      this.current = wire;
      this.next = undefined;
    }
    const { epoch, seq = 0, recovered } = message;
    // While moving over, the old connection may have gone on past the place that was asked for.
    const farther = recovered && this.position?.epoch === epoch && this.position.seq > seq;
    if (!farther) this.position = { epoch, seq };
    this.events.message(message);
  }

  private joined(wire: Wire, error: string | undefined): void {
    if (error === undefined && this.claims(wire)) return;
    this.forget(wire);
    if (error === undefined) {
      this.say({ kind: "live" });
      this.cancelGood();
      this.cancelGood = this.platform.after(GOOD_AFTER_MS, () => (this.attempt = 0));
    } else if (error === "Temporarily unavailable") {
      this.lose(wire);
    } else {
      this.drop();
      this.say({ kind: "refused", code: 0, error });
    }
  }

  /** Whether something is to be claimed before the connection is a live one. */
  private claims(wire: Wire): boolean {
    const join = this.joins.get(wire);
    const claim = join === undefined || join.claiming ? undefined : this.joining.claim?.();
    if (join === undefined || claim === undefined) return false;
    join.claiming = true;
    join.messageId = this.platform.newId();
    wire.send({ ...claim, messageId: join.messageId });
    return true;
  }

  private pass(message: ServerMessage): void {
    if (message.seq !== undefined && this.position !== undefined) {
      if (message.seq <= this.position.seq) {
        this.counts.duplicate += 1;
        return;
      }
      this.position = { epoch: this.position.epoch, seq: message.seq };
    }
    this.events.message(message);
  }

  private moveOver(wire: Wire, inMs: number): void {
    if (wire !== this.current) return;
    this.cancelMove();
    this.cancelMove = this.platform.after(inMs, () => {
      if (this.current === wire && this.next === undefined) this.next = this.wire();
    });
  }

  private ended(wire: Wire, code: number): void {
    this.forget(wire);
    if (wire === this.next) {
      // The old connection still serves; when it ends, the ordinary way back is taken.
      this.next = undefined;
      return;
    }
    if (wire !== this.current) return;
    this.current = undefined;
    this.cancelGood();
    if (!comesBack(code)) {
      this.drop();
      this.say({ kind: "refused", code });
      return;
    }
    this.say({ kind: "reconnecting" });
    if (this.next !== undefined) {
      this.current = this.next;
      this.next = undefined;
      return;
    }
    const wait = backoff(this.attempt, this.platform.random);
    this.attempt += 1;
    this.cancelRetry();
    this.cancelRetry = this.platform.after(wait, () => this.dial());
  }

  private forget(wire: Wire): void {
    this.joins.get(wire)?.cancel();
    this.joins.delete(wire);
  }

  /** Gives up on a connection that is open but of no use. */
  private lose(wire: Wire): void {
    wire.close();
    this.ended(wire, 1006);
  }

  private drop(): void {
    for (const cancel of [this.cancelRetry, this.cancelGood, this.cancelMove]) cancel();
    for (const wire of [this.current, this.next]) {
      if (wire === undefined) continue;
      this.forget(wire);
      wire.close();
    }
    this.current = this.next = undefined;
  }

  private say(status: Status): void {
    this.status = status;
    this.events.status(status);
  }
}
