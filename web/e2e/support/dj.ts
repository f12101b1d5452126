// The DJ of a story, at the publish API; and at a socket where a story is about the DJ's own connection.

import { once } from "node:events";
import { WebSocket } from "ws";
import type { Pika } from "./pika.ts";

export interface Track {
  title: string;
  artist: string;
  bpm?: number;
  key?: string;
}

interface Begun {
  sessionId: string;
  djName: string;
  ownerToken: string;
  joinUrl: string;
  joinCode: string;
}

interface Recap {
  tracks: { title: string; likes: number }[];
}

type Result = { status: "ok"; messageId: string } | { status: "error"; error: string };

export const track = (title: string, more: Partial<Track> = {}): Track => ({
  title,
  artist: "The Testers",
  bpm: 104,
  ...more,
});

export class Dj {
  private said = 0;

  private constructor(
    private readonly pika: Pika,
    private readonly begun: Begun,
  ) {}

  /** With a token it is the token's DJ, under the name of the account. */
  static async live(pika: Pika, djName = "DJ Test", token?: string): Promise<Dj> {
    const response = await fetch(`${pika.url}/api/sessions`, json({ djName }, token));
    if (response.status !== 201) throw new Error(`going live was answered ${response.status}`);
    return new Dj(pika, (await response.json()) as Begun);
  }

  get session(): string {
    return this.begun.sessionId;
  }

  get code(): string {
    return this.begun.joinCode;
  }

  get joinPath(): string {
    return new URL(this.begun.joinUrl).pathname;
  }

  get path(): string {
    return `/s/${this.session}`;
  }

  /** Publishes one message and gives what its answer names. */
  async say(message: { type: string } & Record<string, unknown>): Promise<Result> {
    this.said += 1;
    const messageId = `dj-${this.said}`;
    const url = `${this.pika.url}/api/sessions/${this.session}/messages`;
    const response = await fetch(url, json({ messageId, ...message }, this.begun.ownerToken));
    const body = (await response.json()) as { results?: Result[] };
    const result = body.results?.[0];
    if (result?.status !== "ok") throw new Error(`${message.type}: ${JSON.stringify(body)}`);
    return result;
  }

  play = (title: string, more: Partial<Track> = {}) =>
    this.say({ type: "BROADCAST_TRACK", track: track(title, more) });
  correct = (corrected: Track) => this.say({ type: "METADATA_UPDATED", track: corrected });
  stop = () => this.say({ type: "TRACK_STOPPED" });
  announce = (message: string) =>
    this.say({ type: "SEND_ANNOUNCEMENT", message, durationSeconds: 600 });
  end = () => this.say({ type: "END_SESSION" });

  /** Asks the floor, and gives what ends the poll. */
  async ask(question: string, options: string[], more: Record<string, unknown> = {}) {
    await this.say({ type: "START_POLL", question, options, ...more });
    return { end: async () => this.say({ type: "END_POLL", pollId: await this.openPoll() }) };
  }

  /** What the server has counted for each track; a session without any has no recap yet. */
  likes = async (): Promise<Record<string, number>> => {
    const recap = await this.pika.get<Recap>(`/api/sessions/${this.session}/recap`);
    return Object.fromEntries((recap?.tracks ?? []).map(({ title, likes }) => [title, likes]));
  };

  /** A socket of this session, as a listener hears it; it is closed by the caller. */
  async listen(): Promise<Ear> {
    const ear = await Ear.open(this.pika);
    ear.say({ type: "SUBSCRIBE", sessionId: this.session });
    await ear.hear("LISTENER_COUNT");
    return ear;
  }

  private async openPoll(): Promise<number> {
    const ear = await this.listen();
    try {
      return Number((await ear.hear("POLL_STARTED")).pollId);
    } finally {
      ear.leave();
    }
  }
}

type Heard = { type: string } & Record<string, unknown>;

/** One plain socket. */
export class Ear {
  private readonly heard: Heard[] = [];

  private constructor(private readonly socket: WebSocket) {
    socket.on("message", (data: Buffer) => {
      this.heard.push(JSON.parse(data.toString("utf8")) as Heard);
      socket.emit("heard");
    });
  }

  static async open(pika: Pika): Promise<Ear> {
    const socket = new WebSocket(`${pika.url.replace("http", "ws")}/ws`);
    await once(socket, "open");
    return new Ear(socket);
  }

  say(message: Heard): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Everything of this type that nobody has taken with `hear`. */
  unheard(type: string): Heard[] {
    return this.heard.filter((message) => message.type === type);
  }

  /** The next message of this type, heard already or to come. */
  async hear(type: string): Promise<Heard> {
    for (;;) {
      const place = this.heard.findIndex((message) => message.type === type);
      const [message] = place < 0 ? [] : this.heard.splice(place, 1);
      if (message !== undefined) return message;
      await once(this.socket, "heard", { signal: AbortSignal.timeout(10_000) });
    }
  }

  leave(): void {
    this.socket.close();
  }
}

function json(body: unknown, bearer?: string): RequestInit {
  const authorization = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` };
  return {
    method: "POST",
    headers: { "Content-Type": "application/json", ...authorization },
    body: JSON.stringify(body),
  };
}
