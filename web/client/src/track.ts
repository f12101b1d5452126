import { visible } from "./text.ts";
import { fields, maybe, need, number, text, type Reader } from "./shape.ts";

/** What a track is called on the wire: the words a like must repeat for the server to find it. */
export interface TrackName {
  readonly title: string;
  readonly artist: string;
}

/** A track to show: `title` and `artist` are safe to display, `said` is what the server called it. */
export interface Track extends TrackName {
  readonly said: TrackName;
  readonly bpm?: number;
  readonly key?: string;
}

const NAME = text(1000);

export function trackFrom(said: TrackName, bpm?: number, key?: string): Track {
  return {
    said: { title: said.title, artist: said.artist },
    title: visible(said.title),
    artist: visible(said.artist),
    ...(bpm === undefined ? {} : { bpm }),
    ...(key === undefined || visible(key) === "" ? {} : { key: visible(key) }),
  };
}

/**
 * A tempo or key outside the contract leaves the track without it instead of unseen: a dancer who sees a title
 * without its bpm is better served than one who goes on seeing the previous track.
 */
export const track: Reader<Track> = (value, at) => {
  const from = fields(value, at);
  const said = { title: need(from, "title", NAME), artist: need(from, "artist", NAME) };
  return trackFrom(said, lenient(from, "bpm", number(1, 999)), lenient(from, "key", text(20)));
};

function lenient<T>(from: Readonly<Record<string, unknown>>, name: string, reader: Reader<T>) {
  try {
    return maybe(from, name, reader);
  } catch {
    return undefined;
  }
}

/**
 * Two plays of one song are one track, however a DJ's software spells its case: the server's rule (NFC, trimmed,
 * case-folded), so that a heart drawn here is the like that is counted there.
 */
export function trackKey(named: TrackName): string {
  return `${fold(named.artist)}\u001f${fold(named.title)}`;
}

function fold(word: string): string {
  return word.normalize("NFC").trim().toLowerCase();
}
