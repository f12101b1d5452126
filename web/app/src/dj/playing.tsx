import { trackKey } from "@pika/client";
import { hueOf, Heart, Said, vars } from "../parts.tsx";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import type { PanelProps } from "./console.tsx";

export function Playing({ client, state }: PanelProps) {
  const say = words(area);
  const { floor, waiting } = state;
  const { track } = floor;
  const hue = track === undefined ? 265 : hueOf(trackKey(track.said));
  const coming = waiting.findLast((word) => word.type === "BROADCAST_TRACK");
  return (
    <section
      class="card playing-now desk-playing"
      style={vars({ hue })}
      aria-labelledby="dj-playing"
    >
      <h2 id="dj-playing" class="kicker">
        {say.nowPlaying}
      </h2>
      {track === undefined ? (
        <>
          <p class="title">{say.nothing}</p>
          <p class="artist">{say.nothingHelp}</p>
        </>
      ) : (
        <>
          <p class="title" data-testid="dj-title">
            <Said>{track.title}</Said>
          </p>
          <p class="artist">
            <Said>{track.artist}</Said>
            {track.bpm !== undefined && ` · ${Math.round(track.bpm)} BPM`}
          </p>
        </>
      )}
      <div class="desk-row">
        <p class="desk-likes" data-testid="dj-track-likes">
          <Heart />
          {say.likes(track === undefined ? 0 : (floor.recent[0]?.likes ?? 0))}
        </p>
        <button
          type="button"
          class="button plain small"
          disabled={track === undefined}
          onClick={() => client.stop()}
        >
          {say.stop}
        </button>
      </div>
      <p class="hint desk-coming" role="status">
        {coming?.type === "BROADCAST_TRACK" && (
          <>
            <Said>{coming.track.title}</Said>: {say.onItsWay}
          </>
        )}
      </p>
    </section>
  );
}
