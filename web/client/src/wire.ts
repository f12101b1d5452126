// One WebSocket: opening in time, the heartbeat, and one end. A socket that ended is never heard again, even when
// the browser still waits for a dead network to confirm the close.

import type { Codec } from "./codec.ts";
import type { ServerClock } from "./server-clock.ts";
import type { Cancel, Platform, Socket } from "./platform.ts";

const OPEN_MS = 10_000;
const PING_MS = 10_000;
const SILENCE_MS = 30_000;
/** How soon a socket must answer when there is reason to doubt it, such as a phone waking up. */
const PROBE_MS = 4_000;
/** How long its silence after that is no reason yet to look for another one. */
const DOUBT_MS = 700;
/** A socket that takes longer to open than this was begun on a network that is no more. */
const STALLED_MS = 1_000;

// From the range that applications may use; the server only reads it in its logs.
const GAVE_UP = 4000;
/** The code that browsers report for a connection that broke without a word. */
const BROKEN = 1006;

export interface WireEvents {
  opened(wire: Wire): void;
  heard(wire: Wire, data: unknown): void;
  ended(wire: Wire, code: number): void;
}

export class Wire {
  private readonly socket: Socket;
  private open = false;
  private over = false;
  private lastPong = 0;
  private readonly pings: number[] = [];
  private cancelBeat: Cancel;
  private cancelProbe: Cancel = () => {};
  private cancelDoubt: Cancel = () => {};
  private readonly begun: number;

  constructor(
    private readonly platform: Platform,
    url: string,
    private readonly codec: Codec,
    private readonly clock: ServerClock,
    private readonly events: WireEvents,
  ) {
    this.begun = platform.now();
    this.socket = platform.openSocket(url, codec.protocol);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = (event) => events.heard(this, event.data);
    this.socket.onclose = (event) => this.end(event.code);
    // Browsers follow every error with a close, which says more.
    this.socket.onerror = () => {};
    this.cancelBeat = platform.after(OPEN_MS, () => this.giveUp());
  }

  send(message: object): void {
    if (this.open && !this.over) this.socket.send(this.codec.encode(message));
  }

  /** PONG names no PING, but both keep their order on one socket. */
  pong(timestamp: number): void {
    const sentAt = this.pings.shift();
    if (sentAt === undefined) return;
    this.lastPong = this.platform.now();
    this.cancelProbe();
    this.cancelDoubt();
    this.clock.pong(sentAt, this.lastPong, timestamp);
  }

  /** Whether it should have opened by now. */
  get stalled(): boolean {
    return !this.open && this.platform.now() - this.begun > STALLED_MS;
  }

  /** Asks for a sign of life; says when it is doubtful, and ends the socket if none comes soon. */
  probe(doubtful: () => void): void {
    if (!this.open || this.over) return;
    this.ping();
    this.cancelProbe();
    this.cancelDoubt();
    this.cancelDoubt = this.platform.after(DOUBT_MS, doubtful);
    this.cancelProbe = this.platform.after(PROBE_MS, () => this.giveUp());
  }

  close(): void {
    this.silence();
    this.socket.close(1000);
  }

  private opened(): void {
    this.open = true;
    this.lastPong = this.platform.now();
    this.events.opened(this);
    this.beat();
  }

  private beat(): void {
    this.cancelBeat();
    if (this.over) return;
    if (this.platform.now() - this.lastPong >= SILENCE_MS) {
      this.giveUp();
      return;
    }
    this.ping();
    this.cancelBeat = this.platform.after(PING_MS, () => this.beat());
  }

  private ping(): void {
    this.pings.push(this.platform.now());
    this.send({ type: "PING" });
  }

  private giveUp(): void {
    if (this.over) return;
    this.socket.close(GAVE_UP);
    this.end(BROKEN);
  }

  private end(code: number): void {
    if (this.over) return;
    this.silence();
    this.events.ended(this, code);
  }

  private silence(): void {
    this.over = true;
    this.cancelBeat();
    this.cancelProbe();
    this.cancelDoubt();
    // An error is still listened to: outside browsers one that nobody hears ends the process, and giving up a socket
    // before it has opened is one.
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
  }
}
