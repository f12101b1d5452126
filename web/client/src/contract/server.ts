// Generated from schemas/wire/server.schema.json. Change the server's types, and run 'make wire'.

/**
 * One message of the server. Clients ignore members and types that they do not know.
 */
export type ServerFrame = {
  /**
   * The position of a must-arrive message, for sockets that asked for positions.
   */
  seq?: number | null;
} & (
  | {
      authenticated: boolean;
      djName: string;
      sessionId: string;
      type: "SESSION_REGISTERED";
    }
  | {
      djName: string;
      sessionId: string;
      startTime: string;
      type: "SESSION_STARTED";
    }
  | {
      sessions: SessionEntry[];
      type: "SESSIONS_LIST";
    }
  | {
      djName: string;
      sessionId: string;
      track: Track;
      type: "NOW_PLAYING";
    }
  | {
      sessionId: string;
      type: "TRACK_STOPPED";
    }
  | {
      sessionId: string;
      track: Track;
      type: "METADATA_UPDATED";
    }
  | {
      sessionId: string;
      type: "SESSION_ENDED";
    }
  | {
      reason: string;
      sessionId: string;
      type: "SESSION_EXPIRED";
    }
  | {
      isValid: boolean;
      sessionId: string;
      type: "SESSION_VALID";
    }
  | {
      payload: TrackPayload;
      type: "LIKE_RECEIVED";
    }
  | {
      count: number;
      sessionId: string;
      type: "LISTENER_COUNT";
    }
  | {
      faster: number;
      perfect: number;
      sessionId: string;
      slower: number;
      total: number;
      type: "TEMPO_FEEDBACK";
    }
  | {
      sessionId: string;
      type: "TEMPO_RESET";
    }
  | {
      /**
       * Extension: said only where a vote may be changed.
       */
      allowChange?: boolean | null;
      endsAt?: string | null;
      hasVoted?: boolean | null;
      /**
       * Extension: said only where nobody but the DJ hears the votes before the end.
       */
      hideResults?: boolean | null;
      options: string[];
      pollId: number;
      question: string;
      sessionId: string;
      totalVotes?: number | null;
      type: "POLL_STARTED";
      votedOptionIndex?: number | null;
      votes?: number[] | null;
    }
  | {
      pollId: number;
      sessionId: string;
      totalVotes: number;
      type: "POLL_UPDATE";
      votes: number[];
    }
  | {
      pollId: number;
      results: number[];
      totalVotes: number;
      type: "POLL_ENDED";
      winnerIndex: number;
    }
  | {
      optionIndex: number;
      pollId: number;
      totalVotes: number;
      type: "VOTE_CONFIRMED";
      votes: number[];
    }
  | {
      pollId: number;
      reason: string;
      totalVotes?: number | null;
      type: "VOTE_REJECTED";
      votes?: number[] | null;
    }
  | {
      reaction: Reaction;
      sessionId: string;
      type: "REACTION_RECEIVED";
    }
  | {
      djName: string;
      endsAt?: string | null;
      message: string;
      sessionId: string;
      timestamp: string;
      type: "ANNOUNCEMENT_RECEIVED";
    }
  | {
      sessionId: string;
      type: "ANNOUNCEMENT_CANCELLED";
    }
  | {
      messageId: string;
      status: AckStatus;
      timestamp: string;
      type: "ACK";
    }
  | {
      error: string;
      messageId: string;
      timestamp: string;
      type: "NACK";
    }
  | {
      timestamp: string;
      type: "PONG";
    }
  | {
      epoch: number;
      reason?: string | null;
      recovered: boolean;
      seq: number;
      sessionId: string | null;
      type: "SUBSCRIBED";
    }
  | {
      reconnectInMs: number;
      type: "GOAWAY";
    }
);
export type Reaction = "thank_you";
export type AckStatus = "ok";

export interface SessionEntry {
  activeAnnouncement?: AnnouncementEntry | null;
  currentTrack?: Track | null;
  djName: string;
  sessionId: string;
  startedAt?: string | null;
}
export interface AnnouncementEntry {
  endsAt?: string | null;
  message: string;
  timestamp: string;
}
/**
 * What an analysis found out about a track. Each value may be missing; `bpm` is beats a minute, the rest 0 to 100.
 */
export interface Track {
  acousticness?: number | null;
  artist: string;
  bpm?: number | null;
  brightness?: number | null;
  danceability?: number | null;
  energy?: number | null;
  groove?: number | null;
  key?: string | null;
  title: string;
}
export interface TrackPayload {
  track: Track;
}
