import { trackKey, type LikeMark, type LiveClient, type LiveState, type Track } from "@pika/client";
import { Heart, hueOf, Said, vars } from "../parts.tsx";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";
import { likesShown } from "./sentences.ts";

interface NowPlayingProps {
  client: LiveClient;
  state: LiveState;
  track: Track;
}

export function NowPlaying({ client, state, track }: NowPlayingProps) {
  const say = words(live);
  // What was heard before the connection was lost may be over by now.
  const heading = state.connection.kind === "live" ? say.nowPlaying : say.lastHeard;
  const key = trackKey(track.said);
  const mark = state.likes[key];
  const likes = likesShown(state.recent[0]?.likes ?? 0, mark);
  return (
    <section class="card playing-now" style={vars({ hue: hueOf(key) })} aria-label={heading}>
      <p class="kicker">
        <span class="bars" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        {heading}
      </p>
      <h1 class="title">
        <span data-testid="track-title">
          <Said>{track.title}</Said>
        </span>
      </h1>
      <p class="artist" data-testid="track-artist">
        <Said>{track.artist}</Said>
      </p>
      {(track.bpm !== undefined || track.key !== undefined) && (
        <ul class="chips" aria-label={say.aboutTrack}>
          {track.bpm !== undefined && <li data-bpm>{Math.round(track.bpm)} BPM</li>}
          {track.key !== undefined && (
            <li>
              {say.key} <Said>{track.key}</Said>
            </li>
          )}
        </ul>
      )}
      <button
        type="button"
        class="like"
        data-testid="like-button"
        aria-pressed={mark !== undefined}
        onClick={() => (mark === undefined ? client.like(track.said) : client.unlike(track.said))}
      >
        <Heart />
        <span class="like-words">
          <strong>
            {mark === undefined ? say.like : say.liked}
            <span class="unseen"> {track.title}</span>
          </strong>
          <small>{likeWords(mark, likes)}</small>
        </span>
      </button>
    </section>
  );
}

function likeWords(mark: LikeMark | undefined, likes: number): string {
  const say = words(live);
  switch (mark) {
    case "queued":
      return say.likeKept;
    case "sending":
      return say.sending;
    case "liked":
      return likes > 1 ? say.likesUndo(likes) : say.tapUndo;
    case undefined:
      return likes > 0 ? say.likes(likes) : say.beFirst;
  }
}
