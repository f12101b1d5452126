// The list that a DJ plays from, kept on the device: a reload in the middle of an evening goes on where it was.

import { shape, type Platform } from "@pika/client";
import { readHistory, type DjTrack, type HistoryTrack } from "@pika/client/dj";

const { fields, list, maybe, need, number, integer, text } = shape;

const KEY = "pika.dj.list";
const MOST = 2_000;

export interface TrackList {
  readonly tracks: readonly DjTrack[];
  /** The place of the one to be played next. */
  readonly next: number;
}

export const EMPTY: TrackList = { tracks: [], next: 0 };

const track = (value: unknown, at: string): DjTrack => {
  const from = fields(value, at);
  const bpm = maybe(from, "bpm", number(40, 300));
  return {
    title: need(from, "title", text(1_000)),
    artist: need(from, "artist", text(1_000)),
    ...(bpm === undefined ? {} : { bpm }),
  };
};

export function keptList({ storage }: Pick<Platform, "storage">): TrackList {
  try {
    const from = fields(JSON.parse(storage.get(KEY) ?? "null"), KEY);
    return {
      tracks: need(from, "tracks", list(track, MOST)),
      next: need(from, "next", integer(0, MOST)),
    };
  } catch {
    return EMPTY;
  }
}

export function keepList({ storage }: Pick<Platform, "storage">, kept: TrackList): void {
  storage.set(KEY, JSON.stringify(kept));
}

export interface Taken {
  readonly list: TrackList;
  readonly added: number;
  readonly unreadable: number;
}

/** What was pasted or dropped stands behind what is there already. */
export function taken(before: TrackList, words: string): Taken {
  const { tracks, unreadable } = readHistory(words);
  const room = MOST - before.tracks.length;
  const added = tracks.slice(0, Math.max(0, room)).map(playable);
  return {
    list: { ...before, tracks: [...before.tracks, ...added] },
    added: added.length,
    unreadable: unreadable.length,
  };
}

function playable({ title, artist, bpm }: HistoryTrack): DjTrack {
  return { title, artist, ...(bpm === undefined ? {} : { bpm }) };
}
