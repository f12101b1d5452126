import type { RecapTrack } from "../api.ts";
import { words } from "../words/language.ts";
import { recap as area } from "../words/recap.ts";

const WIDTH = 340;
const HEIGHT = 132;
const LEFT = 26;
const TOP = 8;
const BOTTOM = 112;

/** Likes over the evening, a bar a track in the order of play. The list below has the same numbers for a reader. */
export function LikesChart({ tracks }: { tracks: readonly RecapTrack[] }) {
  const say = words(area);
  const most = Math.max(1, ...tracks.map((one) => one.likes));
  const best = tracks.findIndex((one) => one.likes === most);
  const step = (WIDTH - LEFT) / tracks.length;
  const bar = Math.max(1, Math.min(28, step * 0.72));
  const top = (likes: number) => BOTTOM - (likes / most) * (BOTTOM - TOP);
  const winner = tracks[best];
  const lines = most === 1 ? [0, 1] : [0, Math.ceil(most / 2), most];
  return (
    <figure class="chart" aria-labelledby="chart-heading">
      <h2 id="chart-heading">{say.chartHeading}</h2>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary(tracks, winner)}>
        {lines.map((likes) => (
          <g key={likes} class="grid">
            <line x1={LEFT} x2={WIDTH} y1={top(likes)} y2={top(likes)} />
            <text x={LEFT - 6} y={top(likes) + 3.5} text-anchor="end">
              {likes}
            </text>
          </g>
        ))}
        {tracks.map((one, i) => (
          <rect
            key={one.position}
            class={i === best ? "best" : "bar"}
            x={LEFT + i * step + (step - bar) / 2}
            y={top(one.likes)}
            width={bar}
            height={BOTTOM - top(one.likes)}
            rx={Math.min(3, bar / 2)}
          >
            <title>{`${one.track.title}: ${say.likeCount(one.likes)}`}</title>
          </rect>
        ))}
        <text class="axis" x={LEFT} y={HEIGHT - 4}>
          {say.firstTrack}
        </text>
        <text class="axis" x={WIDTH} y={HEIGHT - 4} text-anchor="end">
          {say.lastTrack}
        </text>
      </svg>
      {winner !== undefined && (
        <figcaption>
          {say.mostLoved} <bdi>{winner.track.title}</bdi> {say.by} <bdi>{winner.track.artist}</bdi>
        </figcaption>
      )}
    </figure>
  );
}

function summary(tracks: readonly RecapTrack[], winner: RecapTrack | undefined): string {
  const say = words(area);
  const best = winner === undefined ? "" : say.chartBest(winner.track.title, winner.likes);
  return say.chart(tracks.length) + best;
}
