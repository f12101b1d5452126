// The evening as a chart. uPlot draws on a canvas, minutes by the hundred, for what a few kilobytes cost.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Minute } from "@pika/client/dj";
import { coloursOf } from "../colours.ts";
import { timeOf } from "../times.ts";

const HEIGHT = 190;

export interface Chart {
  show(crowd: readonly Minute[]): void;
  remove(): void;
}

export function draw(box: HTMLElement, names: readonly [string, string, string]): Chart {
  const drawn = coloursOf(box);
  const grid = { stroke: drawn("line"), width: 1 };
  const axis = { stroke: drawn("quiet"), grid, ticks: { show: false } };
  const plot = new uPlot(
    {
      width: Math.max(200, box.clientWidth),
      height: HEIGHT,
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { live: false, isolate: false },
      scales: { tempo: { range: [-1.05, 1.05] } },
      axes: [
        {
          ...axis,
          size: 28,
          values: (_, times) => times.map((seconds) => timeOf(seconds * 1000)),
        },
        { ...axis, size: 36 },
        { side: 1, scale: "listeners", ...axis, size: 36, grid: { show: false } },
      ],
      series: [
        { label: "" },
        {
          label: names[0],
          stroke: drawn("heart"),
          fill: `${drawn("heart")}55`,
          ...(uPlot.paths.bars === undefined
            ? {}
            : { paths: uPlot.paths.bars({ size: [0.8, 24] }) }),
          points: { show: false },
        },
        {
          label: names[1],
          scale: "listeners",
          stroke: drawn("mint"),
          width: 2,
          points: { show: false },
        },
        {
          label: names[2],
          scale: "tempo",
          stroke: drawn("glow"),
          width: 1.5,
          dash: [5, 4],
          points: { show: false },
        },
      ],
    },
    [[], [], [], []],
    box,
  );
  const wide = new ResizeObserver(() => {
    if (box.clientWidth > 0) plot.setSize({ width: box.clientWidth, height: HEIGHT });
  });
  wide.observe(box);
  return {
    show: (crowd) =>
      plot.setData([
        crowd.map((minute) => minute.at / 1000),
        crowd.map((minute) => minute.likes),
        crowd.map((minute) => minute.listeners),
        crowd.map((minute) => minute.tempo),
      ]),
    remove: () => {
      wide.disconnect();
      plot.destroy();
    },
  };
}
