// The DJ's side of the live protocol, for whoever plays. A dancer's page loads nothing of it.

export { DjClient, type DjClientOptions, type DjState, type Refusal } from "./dj-client.ts";
export { type DjTrack, type NewPoll, type OrderedWord } from "./messages.ts";
export { type Minute } from "./crowd.ts";
export { NOBODY, readHistory, split, textOf, type History, type HistoryTrack } from "./history.ts";
export {
  fromRemoteLink,
  goLive,
  keepSession,
  keptSession,
  newWish,
  NotLive,
  remoteLink,
  type GoLive,
  type OwnSession,
  type Where,
} from "./own-session.ts";
