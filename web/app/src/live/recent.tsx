import type { LiveClient, LiveState, Played } from "@pika/client";
import { Heart, Named } from "../parts.tsx";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";
import { likesShown } from "./sentences.ts";

/** What was played before. An earlier track of the evening can still be liked. */
export function Recent({ client, state }: { client: LiveClient; state: LiveState }) {
  const earlier = state.track === undefined ? state.recent : state.recent.slice(1);
  if (earlier.length === 0) return null;
  return (
    <section class="recent" aria-labelledby="recent-heading">
      <h2 id="recent-heading">
        {state.phase === "ended" ? words(live).played : words(live).earlier}
      </h2>
      <ol>
        {earlier.map((played, i) => (
          // One song may be played twice an evening, so its key alone is no identity. Counted from the oldest,
          // a row keeps its own when a track is added above.
          <Row
            key={`${earlier.length - i} ${played.key}`}
            client={client}
            state={state}
            played={played}
          />
        ))}
      </ol>
    </section>
  );
}

function Row({ client, state, played }: { client: LiveClient; state: LiveState; played: Played }) {
  const { track, key } = played;
  const mark = state.likes[key];
  const likes = likesShown(played.likes, mark);
  return (
    <li class="row">
      <Named title={track.title} artist={track.artist} />
      <button
        type="button"
        class="row-like"
        aria-pressed={mark !== undefined}
        aria-label={words(live).likeTrackCount(track.title, likes)}
        data-mark={mark ?? "none"}
        onClick={() => (mark === undefined ? client.like(track.said) : client.unlike(track.said))}
      >
        <Heart />
        <span>{likes}</span>
      </button>
    </li>
  );
}
