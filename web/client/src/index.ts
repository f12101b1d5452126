// The dancer's side of the live protocol, without a framework and, as a test holds it, without a browser.
//
// It promises: what the page shows is what the server said, once and in order; what a person asked for was stored
// when its promise resolves; a like given in a dead spot is sent later; a countdown follows the server's clock.
// It knows nothing of pages, and of the REST routes only what a snapshot looks like.

export { LikeJournal } from "./like-journal.ts";
export { LiveClient, type LiveClientOptions } from "./live-client.ts";
export { type Status } from "./connection.ts";
export { json, type Codec } from "./codec.ts";
export { type Platform, type Socket, type Storage } from "./platform.ts";
export { localStore, webPlatform, type Strings, type WebPlatformOptions } from "./web-platform.ts";
export { type Announcement, type Tempo } from "./messages.ts";
export {
  ownVote,
  queuedLikes,
  type LikeMark,
  type LiveState,
  type Notice,
  type Played,
  type Poll,
  type TempoTotals,
  type Vote,
} from "./state.ts";
export { isOver } from "./reduce-poll.ts";
export { type SnapshotTrack } from "./local.ts";
export { trackFrom, trackKey, type Track, type TrackName } from "./track.ts";
export { visible } from "./text.ts";
export * as shape from "./shape.ts";
