// Charts over time. uPlot draws them on a canvas: small, fast with thousands of points, and nobody but the readers of a
// recap loads it.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { timeOf } from "../times.ts";
import { coloursOf, type Colour } from "../colours.ts";

export type Shape = "steps" | "bars";

export interface Plot {
  label: string;
  shape: Shape;
  colour: Colour;
  /** In milliseconds, rising. */
  times: readonly number[];
  values: readonly (number | null)[];
  /** Whether nothing is at the bottom of the chart, rather than wherever the lowest value is. */
  fromZero: boolean;
}

const FONT = "12px system-ui, sans-serif";
const HEIGHT = 190;
/** Between two times on the axis. */
const MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 240];

/** Draws it into `box` as wide as that is, and follows its width; gives what takes it away. */
export function draw(
  box: HTMLElement,
  { label, shape, colour, times, values, fromZero }: Plot,
  time: string,
): () => void {
  const drawn = coloursOf(box);
  const axis = {
    stroke: drawn("quiet"),
    font: FONT,
    grid: { stroke: drawn("line"), width: 1 },
    ticks: { show: false },
  };
  const paths =
    shape === "steps"
      ? uPlot.paths.stepped?.({ align: 1 })
      : uPlot.paths.bars?.({ size: [0.7, 24] });
  const chart = new uPlot(
    {
      width: Math.max(200, box.clientWidth),
      height: HEIGHT,
      padding: [8, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { y: { range: (_, low, high) => range(low, high, fromZero) } },
      axes: [
        {
          ...axis,
          values: (_, splits) => splits.map((at) => timeOf(at * 1000)),
          space: 64,
          size: 28,
          incrs: MINUTES.map((minutes) => minutes * 60),
        },
        { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000] },
      ],
      series: [
        { label: time, value: (_, at) => (at === null ? "–" : timeOf(at * 1000)) },
        {
          label,
          stroke: drawn(colour),
          width: shape === "steps" ? 2 : 0,
          fill:
            shape === "steps" && fromZero
              ? `${drawn(colour)}33`
              : shape === "bars"
                ? drawn(colour)
                : undefined,
          points: { show: false },
          ...(paths === undefined ? {} : { paths }),
        } as uPlot.Series,
      ],
    },
    [times.map((at) => at / 1000), [...values]],
    box,
  );
  const follow = new ResizeObserver(() => {
    chart.setSize({ width: Math.max(200, box.clientWidth), height: HEIGHT });
  });
  follow.observe(box);
  return () => {
    follow.disconnect();
    chart.destroy();
  };
}

function range(low: number | null, high: number | null, fromZero: boolean): [number, number] {
  const [least, most] = [low ?? 0, high ?? 1];
  if (fromZero) return [Math.min(0, least), Math.max(1, most)];
  const room = Math.max(2, (most - least) * 0.15);
  return [Math.floor(least - room), Math.ceil(most + room)];
}
