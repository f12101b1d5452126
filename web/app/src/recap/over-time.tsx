// The evening as curves: likes, the tempo that was played and the tempo that was wished for.

import { useEffect, useRef } from "preact/hooks";
import type { RecapTrack } from "../api.ts";
import { useBright } from "../colours.ts";
import { timeOf } from "../times.ts";
import { language, words } from "../words/language.ts";
import { recap } from "../words/recap.ts";
import type { Plot } from "./plots.ts";

interface Props {
  tracks: readonly RecapTrack[];
  endedAt: number | undefined;
}

export function OverTime({ tracks, endedAt }: Props) {
  const say = words(recap);
  const timed = tracks.filter((one): one is RecapTrack & { playedAt: number } => {
    return one.playedAt !== undefined;
  });
  const [first] = timed;
  const last = timed.at(-1);
  if (first === undefined || last === undefined || timed.length < 2) return null;
  const end = Math.max(endedAt ?? last.playedAt, last.playedAt);
  // A curve goes on to the end of the evening, where nothing begins.
  const times = [...timed.map((one) => one.playedAt), end];

  let sum = 0;
  const sums = timed.map((one) => (sum += one.likes));
  const bpms = timed.map((one) => one.track.bpm ?? null);
  const known = bpms.filter((bpm) => bpm !== null);
  const wishes = timed.map(({ tempo }) => (tempo === undefined ? 0 : tempo.faster - tempo.slower));
  const total = (which: "slower" | "faster") =>
    timed.reduce((all, one) => all + (one.tempo?.[which] ?? 0), 0);

  return (
    <section class="over-time" aria-labelledby="over-time-heading">
      <h2 id="over-time-heading">{say.overTime}</h2>
      {sum > 0 && (
        <Chart
          words={say.likesChart(timeOf(first.playedAt), timeOf(end), sum)}
          plot={{
            label: say.likesSoFar,
            shape: "steps",
            colour: "heart",
            times,
            values: [...sums, sum],
            fromZero: true,
          }}
        />
      )}
      {known.length > 1 && (
        <Chart
          words={say.bpmChart(Math.round(Math.min(...known)), Math.round(Math.max(...known)))}
          plot={{
            label: say.bpm,
            shape: "steps",
            colour: "glow",
            times,
            values: [...bpms, bpms.at(-1) ?? null],
            fromZero: false,
          }}
        />
      )}
      {wishes.some((wish) => wish !== 0) && (
        <Chart
          words={say.balanceChart(total("slower"), total("faster"))}
          plot={{
            label: say.balance,
            shape: "bars",
            colour: "sky",
            times: times.slice(0, -1),
            values: wishes,
            fromZero: true,
          }}
        />
      )}
    </section>
  );
}

/** Its place is kept while its code is on the way, and stays empty if that does not come: the list has the same numbers. */
function Chart({ plot, words: aloud }: { plot: Plot; words: string }) {
  const box = useRef<HTMLDivElement>(null);
  const spoken = language();
  const bright = useBright();
  useEffect(() => {
    let remove = () => {};
    let here = true;
    import("./plots.ts").then(
      ({ draw }) => {
        if (here && box.current !== null) {
          remove = draw(box.current, plot, words(recap).time);
        }
      },
      () => {},
    );
    return () => {
      here = false;
      remove();
    };
    // A recap does not change under its reader; its words and its colours may.
  }, [spoken, bright]);
  return (
    <figure class="plot">
      <figcaption>{plot.label}</figcaption>
      <div class="plot-box" ref={box} role="img" aria-label={aloud} />
    </figure>
  );
}
