// Which tracks this person has liked, so that a reload draws the same hearts. Only a memory: the server decides.

import type { Storage } from "./platform.ts";
import { fields, list, need, text } from "./shape.ts";

const KEY = "pika.likes.given";
const MOST_SESSIONS = 8;
const MOST_TRACKS = 300;

interface Given {
  sessionId: string;
  /** When the run began; the next run of the same session starts without hearts. */
  run: string;
  keys: string[];
}

const given = (value: unknown, at: string): Given => {
  const from = fields(value, at);
  return {
    sessionId: need(from, "sessionId", text(64)),
    run: need(from, "run", text(64)),
    keys: need(from, "keys", list(text(2100), MOST_TRACKS)),
  };
};

export class LikedMemory {
  constructor(private readonly storage: Storage) {}

  keys(sessionId: string, run: string): string[] {
    return this.all().find((one) => one.sessionId === sessionId && one.run === run)?.keys ?? [];
  }

  set(sessionId: string, run: string, key: string, liked: boolean): void {
    const others = this.keys(sessionId, run).filter((other) => other !== key);
    const keys = (liked ? [...others, key] : others).slice(-MOST_TRACKS);
    const sessions = this.all().filter((one) => one.sessionId !== sessionId);
    const all = [...sessions, { sessionId, run, keys }].slice(-MOST_SESSIONS);
    this.storage.set(KEY, JSON.stringify(all));
  }

  private all(): Given[] {
    try {
      return list(given, MOST_SESSIONS)(JSON.parse(this.storage.get(KEY) ?? "[]"), KEY);
    } catch {
      return [];
    }
  }
}
