import { trackKey, type LikeMark, type LiveClient, type LiveState, type Track } from "@pika/client";
import { Heart, Said, vars } from "../parts.tsx";
import { counted, likesShown } from "../words.ts";

interface NowPlayingProps {
  client: LiveClient;
  state: LiveState;
  track: Track;
}

export function NowPlaying({ client, state, track }: NowPlayingProps) {
  const key = trackKey(track.said);
  const mark = state.likes[key];
  const likes = likesShown(state.recent[0]?.likes ?? 0, mark);
  return (
    <section class="card playing-now" style={vars({ hue: hueOf(key) })} aria-label="Now playing">
      <p class="kicker">
        <span class="bars" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        Now playing
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
        <ul class="chips" aria-label="About this track">
          {track.bpm !== undefined && <li>{Math.round(track.bpm)} BPM</li>}
          {track.key !== undefined && (
            <li>
              Key <Said>{track.key}</Said>
            </li>
          )}
        </ul>
      )}
      <button
        type="button"
        class="like"
        data-testid="like-button"
        aria-pressed={mark !== undefined}
        aria-label={`Like ${track.title}`}
        onClick={() => (mark === undefined ? client.like(track.said) : client.unlike(track.said))}
      >
        <Heart />
        <span class="like-words">
          <strong>{mark === undefined ? "Like" : "Liked"}</strong>
          <small>{likeWords(mark, likes)}</small>
        </span>
      </button>
    </section>
  );
}

function likeWords(mark: LikeMark | undefined, likes: number): string {
  switch (mark) {
    case "queued":
      return "Kept on this phone until it is connected";
    case "sending":
      return "Sending…";
    case "liked":
      return likes > 1 ? `${counted(likes, "like", "likes")} · tap to undo` : "Tap to undo";
    case undefined:
      return likes > 0 ? counted(likes, "like", "likes") : "Be the first";
  }
}

/** Each track has a colour of its own, the same on every phone in the room. */
function hueOf(key: string): number {
  let hash = 7;
  for (let i = 0; i < key.length; i += 1) hash = (hash * 31 + key.charCodeAt(i)) % 360_007;
  return hash % 360;
}
