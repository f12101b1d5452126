// What a person on this phone, or this phone itself, changes.

import type { Status } from "./connection.ts";
import type { Tempo } from "./messages.ts";
import { fallBack } from "./reduce-poll.ts";
import { liked, MOST_RECENT } from "./reduce.ts";
import { without, type LikeMark, type LiveState, type Notice, type Played } from "./state.ts";
import { trackKey, type Track } from "./track.ts";

export interface SnapshotTrack {
  track: Track;
  /** Absent where the answer does not tell likes. */
  likes?: number;
}

export type LocalAction =
  | { type: "connection"; status: Status }
  | { type: "like-mark"; key: string; mark: LikeMark | undefined }
  | { type: "unliked"; key: string }
  | { type: "tempo-wish"; preference: Tempo | undefined }
  | { type: "vote-sent"; pollId: number; optionIndex: number }
  | { type: "vote-stored"; pollId: number }
  | { type: "vote-failed"; pollId: number; words: string }
  /** What the REST answer knows of the evening, newest first. */
  | { type: "snapshot"; tracks: readonly SnapshotTrack[]; djName?: string | undefined }
  | { type: "dj-away"; away: boolean }
  | { type: "notice"; about: Notice["about"]; words: string };

export function act(state: LiveState, action: LocalAction): LiveState {
  switch (action.type) {
    case "connection":
      return { ...state, connection: action.status };
    case "like-mark": {
      const { [action.key]: _, ...others } = state.likes;
      const likes = action.mark === undefined ? others : { ...others, [action.key]: action.mark };
      return { ...state, likes };
    }
    case "unliked":
      return liked(state, action.key, -1);
    case "tempo-wish":
      return action.preference === undefined
        ? without(state, "ownTempo")
        : { ...state, ownTempo: action.preference };
    case "vote-sent": {
      const { pollId, optionIndex } = action;
      const before = state.vote?.pollId === pollId ? state.vote.counted : undefined;
      const counted = before === undefined ? {} : { counted: before };
      return { ...state, vote: { pollId, standing: "sending", optionIndex, ...counted } };
    }
    case "vote-stored":
      // The verdict may overtake the receipt; it is the stronger word.
      return state.vote?.pollId === action.pollId && state.vote.standing === "sending"
        ? { ...state, vote: { ...state.vote, standing: "stored" } }
        : state;
    case "vote-failed":
      return state.vote?.pollId === action.pollId
        ? { ...state, vote: fallBack(state, action.pollId, "failed", action.words) }
        : state;
    case "snapshot": {
      // Whoever opens the link of a past evening hears no name over the socket.
      const djName = state.djName ?? action.djName;
      const named = djName === undefined ? {} : { djName };
      return { ...state, ...named, recent: merged(state, action.tracks) };
    }
    case "dj-away":
      return state.phase === "live" ? { ...state, djAway: action.away } : state;
    case "notice":
      return {
        ...state,
        notice: { id: (state.notice?.id ?? 0) + 1, about: action.about, words: action.words },
      };
  }
}

/** The answer is the truth about the past, but it may be older than the tracks heard while it was on its way. */
function merged(state: LiveState, tracks: readonly SnapshotTrack[]): Played[] {
  const known = new Map(state.recent.map((played) => [played.key, played.likes]));
  const told = tracks.map(({ track, likes }) => {
    const key = trackKey(track.said);
    return { key, track, likes: likes ?? known.get(key) ?? 0 };
  });
  const newest = told[0];
  if (newest === undefined) return [...state.recent];
  const meeting = state.recent.findIndex((played) => played.key === newest.key);
  const unheard = state.track === undefined ? 0 : 1;
  return [...state.recent.slice(0, meeting >= 0 ? meeting : unheard), ...told].slice(
    0,
    MOST_RECENT,
  );
}
