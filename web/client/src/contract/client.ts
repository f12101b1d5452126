// Generated from schemas/wire/client.schema.json. Change the server's types, and run 'make wire'.

/**
 * One message of a client. Unknown members are ignored.
 */
export type ClientFrame = {
  /**
   * Asks for an ACK or a NACK that names it; the server applies a repeat under the same id once.
   */
  messageId?: string | null;
} & (
  | (RegisterSession & {
      type: "REGISTER_SESSION";
    })
  | (BroadcastTrack & {
      type: "BROADCAST_TRACK";
    })
  | (SessionTrack & {
      type: "METADATA_UPDATED";
    })
  | (SessionOnly & {
      type: "TRACK_STOPPED";
    })
  | (SessionOnly & {
      type: "END_SESSION";
    })
  | (Subscribe & {
      type: "SUBSCRIBE";
    })
  | (SendLike & {
      type: "SEND_LIKE";
    })
  | (SendLike & {
      type: "REMOVE_LIKE";
    })
  | (SendBulkLike & {
      type: "SEND_BULK_LIKE";
    })
  | (SendTempoRequest & {
      type: "SEND_TEMPO_REQUEST";
    })
  | (StartPoll & {
      type: "START_POLL";
    })
  | (PollOnly & {
      type: "END_POLL";
    })
  | (PollOnly & {
      type: "CANCEL_POLL";
    })
  | (VoteOnPoll & {
      type: "VOTE_ON_POLL";
    })
  | (SendReaction & {
      type: "SEND_REACTION";
    })
  | (SendAnnouncement & {
      type: "SEND_ANNOUNCEMENT";
    })
  | (SessionOnly & {
      type: "CANCEL_ANNOUNCEMENT";
    })
  | {
      type: "GET_SESSIONS";
    }
  | (SessionOnly & {
      type: "VALIDATE_SESSION";
    })
  | {
      type: "PING";
    }
);
/**
 * `true`: tell me positions; `{epoch, seq}`: I was there.
 */
export type Resume =
  | boolean
  | {
      epoch: number;
      seq: number;
    };
export type Preference = "faster" | "slower" | "perfect" | "clear";
export type Reaction = "thank_you";

export interface RegisterSession {
  djName?: string | null;
  sessionId?: string | null;
  /**
   * A DJ token, or the ownerToken of the session. Empty means none.
   */
  token?: string | null;
}
export interface BroadcastTrack {
  /**
   * When it was played, if the message waited for the network (publish API).
   */
  playedAt?: string | null;
  sessionId: string;
  track: Track;
}
/**
 * A track as clients write it. Values from 0 to 1 are fractions of the 0 to 100.
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
export interface SessionTrack {
  sessionId: string;
  track: Track;
}
export interface SessionOnly {
  sessionId: string;
}
export interface Subscribe {
  resume?: Resume | null;
  sessionId?: string | null;
}
export interface SendLike {
  payload: LikePayload;
  sessionId?: string | null;
}
export interface LikePayload {
  track: Track;
}
export interface SendBulkLike {
  payload: BulkPayload;
  sessionId?: string | null;
}
export interface BulkPayload {
  /**
   * @maxItems 100
   */
  tracks: Track[];
}
export interface SendTempoRequest {
  preference: Preference;
  sessionId: string;
}
export interface StartPoll {
  allowChange?: boolean;
  durationSeconds?: number | null;
  /**
   * Extension: until the poll is closed only its DJ hears how the votes stand; cancelled, or ended with its session, it is never said.
   */
  hideResults?: boolean;
  /**
   * @minItems 2
   * @maxItems 10
   */
  options: string[];
  question: string;
  sessionId: string;
}
export interface PollOnly {
  pollId: number;
}
export interface VoteOnPoll {
  /**
   * Signed, so that a negative index is an invalid option and not an unreadable message.
   */
  optionIndex: number;
  pollId: number;
}
export interface SendReaction {
  reaction: Reaction;
  sessionId: string;
}
export interface SendAnnouncement {
  durationSeconds?: number | null;
  message: string;
  push?: boolean;
  sessionId: string;
}
