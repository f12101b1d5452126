// What a DJ says. The server applies a repeat under the same messageId once.

export interface DjTrack {
  readonly title: string;
  readonly artist: string;
  readonly bpm?: number;
  readonly key?: string;
}

export interface NewPoll {
  readonly question: string;
  readonly options: readonly string[];
  /** 30 to 300; without it the poll stays open until the DJ ends it. */
  readonly durationSeconds?: number;
  readonly allowChange?: boolean;
  /** Nobody but the DJ hears how the votes stand before the poll is over. */
  readonly hideResults?: boolean;
}

/** Words whose order is the evening's: they are kept until the server has stored them, one after the other. */
export type OrderedWord =
  | { type: "BROADCAST_TRACK"; sessionId: string; track: DjTrack; playedAt?: string }
  | { type: "METADATA_UPDATED"; sessionId: string; track: DjTrack }
  | { type: "TRACK_STOPPED" | "END_SESSION"; sessionId: string };

/** Words about this moment: whoever says them hears at once whether they were stored. */
export type MomentWord =
  | ({ type: "START_POLL"; sessionId: string } & NewPoll)
  | { type: "END_POLL" | "CANCEL_POLL"; pollId: number }
  | {
      type: "SEND_ANNOUNCEMENT";
      sessionId: string;
      message: string;
      durationSeconds?: number;
      push?: boolean;
    }
  | { type: "CANCEL_ANNOUNCEMENT"; sessionId: string };

export type DjWord = OrderedWord | MomentWord;
