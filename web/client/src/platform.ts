// What the client needs from the world. Time, chance and sockets are parameters, so that a test holds them all.

/** The part of the browser's WebSocket that is used. */
export interface Socket {
  /** Set to "arraybuffer": the only kind in which every platform can give binary frames. */
  binaryType?: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
  send(frame: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** A store of strings that never throws: a phone in private mode has one that forgets. */
export interface Storage {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

export type Cancel = () => void;

export interface Platform {
  openSocket(url: string, protocol: string): Socket;
  /** Milliseconds that only ever rise (`performance.now`); a wall clock may jump under a countdown. */
  now(): number;
  /** Milliseconds since 1970 by this device: believed only until the server's clock is known. */
  wallClock(): number;
  after(ms: number, run: () => void): Cancel;
  /** From 0 up to, not including, 1. */
  random(): number;
  /** Unique among all clients: it becomes a messageId or a clientId. */
  newId(): string;
  storage: Storage;
}
