// What a DJ's software writes down: VirtualDJ's history, an M3U, or plain lines "Artist - Title". The same files give
// the same tracks as `pika dj` reads from them.

import { visible } from "../text.ts";

export interface HistoryTrack {
  readonly title: string;
  readonly artist: string;
  readonly bpm?: number;
  /** Milliseconds since 1970, where the file tells it. */
  readonly playedAt?: number;
  readonly seconds?: number;
}

export interface History {
  readonly tracks: readonly HistoryTrack[];
  /** Lines that could not be read, counted from 1. */
  readonly unreadable: readonly number[];
}

export const NOBODY = "Unknown artist";

// The contract's limits; a file beyond the last one is no evening.
const LONGEST = 500;
const BPM = { least: 40, most: 300 };
const MOST_TRACKS = 2_000;
const MOST_CHARACTERS = 4 * 1024 * 1024;

interface Tags {
  artist?: string | undefined;
  title?: string | undefined;
  remix?: string | undefined;
  bpm?: number | undefined;
  seconds?: number | undefined;
  playedAt?: number | undefined;
}

/** Bytes of a file as text: UTF-8, or else the Latin letters of older programs. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

export function readHistory(text: string): History {
  const tracks: HistoryTrack[] = [];
  const unreadable: number[] = [];
  const lines = text.slice(0, MOST_CHARACTERS).split(/\r\n|\r|\n/);
  // A list that holds marks was written by a program: its other lines are paths. One without is written by a person.
  const written = lines.some((line) => /^\ufeff?#EXT(VDJ|INF):/i.test(line));
  let waiting: Tags | undefined;
  let pathFollows = false;

  const take = (tags: Tags | undefined, line: number) => {
    const track = tags === undefined ? undefined : trackOf(tags);
    if (track === undefined) unreadable.push(line);
    else if (tracks.length < MOST_TRACKS) tracks.push(track);
  };

  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/^\ufeff/, "").trim();
    const number = index + 1;
    if (line === "") continue;
    const marked = marks(line);
    if (marked === "unreadable") unreadable.push(number);
    else if (marked !== undefined) {
      if (waiting !== undefined) take(waiting, number - 1);
      waiting = undefined;
      pathFollows = marked.title !== undefined && marked.artist !== undefined;
      if (pathFollows) take(marked, number);
      else waiting = marked;
    } else if (line.startsWith("#")) continue;
    else if (pathFollows) pathFollows = false;
    else if (written || looksLikePath(line)) {
      const named = ofPath(line, waiting !== undefined);
      const { title, artist, ...rest }: Tags = waiting ?? {};
      const before = title === undefined ? named : { title, artist: named.artist };
      take({ ...rest, title: before.title, artist: artist ?? before.artist }, number);
      waiting = undefined;
    } else take(split(line), number);
  }
  if (waiting !== undefined) take(waiting, lines.length);
  return { tracks, unreadable };
}

/** What a line of a program says about the track whose file comes next; nothing for any other line. */
function marks(line: string): Tags | "unreadable" | undefined {
  if (/^#EXTVDJ:/i.test(line)) return virtualDj(line.slice(8));
  if (/^#EXTINF:/i.test(line)) return plain(line.slice(8));
  return undefined;
}

function virtualDj(rest: string): Tags | "unreadable" {
  const tag = (name: string) => {
    const begin = rest.indexOf(`<${name}>`);
    const end = rest.indexOf(`</${name}>`, begin);
    if (begin < 0 || end < 0) return undefined;
    const inside = unescape(rest.slice(begin + name.length + 2, end));
    return inside.trim() === "" ? undefined : inside;
  };
  const number = (name: string) => finite(tag(name));
  const playedAt = number("lastplaytime");
  const tags: Tags = {
    artist: tag("artist"),
    title: tag("title"),
    remix: tag("remix"),
    bpm: number("bpm"),
    seconds: number("songlength"),
    playedAt: playedAt === undefined || playedAt < 0 ? undefined : playedAt * 1000,
  };
  return Object.values(tags).every((value) => value === undefined) ? "unreadable" : tags;
}

/** `#EXTINF:seconds,Artist - Title`, as plain players write it. */
function plain(rest: string): Tags | "unreadable" {
  const comma = rest.indexOf(",");
  if (comma < 0) return "unreadable";
  const seconds = finite(rest.slice(0, comma).split(/\s/)[0]);
  const name = rest.slice(comma + 1).trim();
  return { ...(name === "" ? {} : split(name)), seconds };
}

/** The dash between artist and title has spaces round it; one inside a word is part of a name. */
export function split(name: string): { artist?: string; title: string } {
  for (const dash of [" - ", " – ", " — ", "\t"]) {
    const at = name.indexOf(dash);
    if (at < 0) continue;
    const artist = name.slice(0, at).trim();
    const title = name.slice(at + dash.length).trim();
    if (artist !== "" && title !== "") return { artist, title };
  }
  return { title: name.trim() };
}

const FILE = /\.[a-z0-9]{2,5}$/i;

function looksLikePath(line: string): boolean {
  return /^([a-z]:\\|\/|\\\\|file:)/i.test(line) && FILE.test(line);
}

function ofPath(path: string, marked: boolean): Tags {
  const name = path.split(/[/\\]/).at(-1) ?? path;
  if (!FILE.test(name) && !marked) return {};
  const stem = name.replace(FILE, "").trim();
  return /[\p{L}\p{N}]/u.test(stem) ? split(stem) : {};
}

function trackOf(tags: Tags): HistoryTrack | undefined {
  let title = cut(tags.title);
  if (title === "") return undefined;
  const remix = cut(tags.remix);
  if (remix !== "" && !title.toLowerCase().includes(remix.toLowerCase())) {
    title = cut(`${title} (${remix})`);
  }
  // VirtualDJ writes the length of a beat in seconds in some places, and beats a minute in others.
  const { bpm: raw, seconds, playedAt } = tags;
  const bpm = raw !== undefined && raw >= 0.2 && raw <= 1.5 ? 60 / raw : raw;
  const known = bpm !== undefined && bpm >= BPM.least && bpm <= BPM.most;
  return {
    title,
    artist: cut(tags.artist) || NOBODY,
    ...(known ? { bpm: Math.round(bpm * 10) / 10 } : {}),
    ...(seconds !== undefined && seconds >= 1 && seconds <= 86_400 ? { seconds } : {}),
    ...(playedAt === undefined ? {} : { playedAt }),
  };
}

/** Visible words within the contract's limit, which counts characters and not the halves of one. */
function cut(words: string | undefined): string {
  return Array.from(visible(words ?? ""))
    .slice(0, LONGEST)
    .join("")
    .trim();
}

function finite(words: string | undefined): number | undefined {
  if (words === undefined || words.trim() === "") return undefined;
  const number = Number(words);
  return Number.isFinite(number) ? number : undefined;
}

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function unescape(words: string): string {
  return words.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
    const known = NAMED[name];
    if (known !== undefined) return known;
    if (!name.startsWith("#")) return whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
      ? String.fromCodePoint(code)
      : whole;
  });
}
