// What each message of the server changes. Pure: the same messages make the same page on every phone.

import type { ServerMessage } from "./messages.ts";
import { reducePoll } from "./reduce-poll.ts";
import { NO_TEMPO, without, type LiveState, type Played } from "./state.ts";
import { trackKey, type Track } from "./track.ts";

// As many as the history route tells; a phone's list need not hold a whole night.
export const MOST_RECENT = 50;

export function reduce(state: LiveState, message: ServerMessage): LiveState {
  // Every socket hears of all sessions' beginnings and ends; the page shows one.
  if ("sessionId" in message && message.sessionId !== state.sessionId) return state;

  switch (message.type) {
    case "SUBSCRIBED":
      // Not recovered: the state follows whole, and what it does not mention is no more.
      return message.recovered ? state : without(state, "track", "poll", "announcement");
    case "SESSIONS_LIST": {
      const listed = message.sessions.find((entry) => entry.sessionId === state.sessionId);
      if (listed === undefined) return state;
      return begun(state, listed.djName, listed.startedAt);
    }
    case "SESSION_STARTED": {
      // The lobby and the session may both tell of one beginning; the second telling must not wipe the first track.
      const repeated = state.phase === "live" && state.startedAt === message.startTime;
      return begun(repeated ? state : fresh(state), message.djName, message.startTime);
    }
    case "SESSION_ENDED":
    case "SESSION_EXPIRED":
      return {
        ...without(state, "track", "poll", "announcement", "ownTempo"),
        phase: "ended",
        djAway: false,
        tempo: NO_TEMPO,
      };
    case "NOW_PLAYING":
      return playing(state, message.track, message.djName);
    case "METADATA_UPDATED":
      return corrected(state, message.track);
    case "TRACK_STOPPED":
      return without(state, "track");
    case "LIKE_RECEIVED":
      return liked(state, trackKey(message.track.said), 1);
    case "LISTENER_COUNT":
      return { ...state, listeners: message.count };
    case "TEMPO_FEEDBACK": {
      const { slower, perfect, faster } = message;
      return { ...state, tempo: { slower, perfect, faster } };
    }
    case "TEMPO_RESET":
      return { ...without(state, "ownTempo"), tempo: NO_TEMPO };
    case "POLL_STARTED":
    case "POLL_UPDATE":
    case "POLL_ENDED":
    case "VOTE_CONFIRMED":
    case "VOTE_REJECTED":
      return reducePoll(state, message);
    case "REACTION_RECEIVED":
      return message.reaction === "thank_you" ? { ...state, thanks: state.thanks + 1 } : state;
    case "ANNOUNCEMENT_RECEIVED": {
      const { message: words, timestamp, djName, endsAt } = message;
      return {
        ...state,
        announcement: {
          message: words,
          timestamp,
          ...(djName === undefined ? {} : { djName }),
          ...(endsAt === undefined ? {} : { endsAt }),
        },
      };
    }
    case "ANNOUNCEMENT_CANCELLED":
      return without(state, "announcement");
    // About the connection or one request; who asked has been told.
    case "ACK":
    case "NACK":
    case "PONG":
    case "GOAWAY":
      return state;
  }
}

/** The session runs, since `startedAt`. Another beginning than the known one is another run: nothing old counts. */
function begun(state: LiveState, djName: string, startedAt: number | undefined): LiveState {
  const another =
    startedAt !== undefined && state.startedAt !== undefined && startedAt !== state.startedAt;
  return {
    ...(another ? fresh(state) : state),
    phase: "live",
    djAway: false,
    djName,
    ...(startedAt === undefined ? {} : { startedAt }),
  };
}

function fresh(state: LiveState): LiveState {
  return {
    ...without(state, "track", "poll", "vote", "announcement", "ownTempo", "startedAt"),
    recent: [],
    likes: {},
    tempo: NO_TEMPO,
  };
}

function playing(state: LiveState, track: Track, djName: string | undefined): LiveState {
  const key = trackKey(track.said);
  const head = state.recent[0];
  const live = {
    phase: "live" as const,
    djAway: false,
    track,
    ...(djName === undefined ? {} : { djName }),
  };
  // The same track again is what a return after a lost connection tells; its counts go on.
  if (head?.key === key) {
    return { ...state, ...live, recent: [{ ...head, track }, ...state.recent.slice(1)] };
  }
  const recent: Played[] = [{ key, track, likes: 0 }, ...state.recent];
  return {
    ...without(state, "ownTempo"),
    ...live,
    tempo: NO_TEMPO,
    recent: recent.slice(0, MOST_RECENT),
  };
}

function corrected(state: LiveState, track: Track): LiveState {
  const key = trackKey(track.said);
  if (state.track === undefined || trackKey(state.track.said) !== key) return state;
  const recent = state.recent.map((played, i) => (i === 0 ? { ...played, track } : played));
  return { ...state, track, recent };
}

/** A like counts for the latest play of its track. */
export function liked(state: LiveState, key: string, by: 1 | -1): LiveState {
  const place = state.recent.findIndex((played) => played.key === key);
  if (place < 0) return state;
  const recent = state.recent.map((played, i) =>
    i === place ? { ...played, likes: Math.max(0, played.likes + by) } : played,
  );
  return { ...state, recent };
}
