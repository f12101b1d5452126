import { useEffect, useState } from "preact/hooks";
import type { Minute } from "@pika/client/dj";
import { useBright } from "../colours.ts";
import { vars } from "../parts.tsx";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import type { PanelProps } from "./console.tsx";

export function CrowdPanel({ state }: PanelProps) {
  const say = words(area);
  const { floor, likesPerMinute, crowd } = state;
  const { slower, perfect, faster } = floor.tempo;
  const wishes = slower + perfect + faster;
  const listeners = floor.listeners ?? 0;
  return (
    <section class="card desk-panel desk-crowd" aria-labelledby="dj-crowd">
      <h2 id="dj-crowd">{say.crowd}</h2>
      <dl class="desk-figures">
        <Figure id="dj-likes" value={likesPerMinute} label={say.likesPerMinute} />
        <Figure id="dj-listeners" value={listeners} label={say.listeners(listeners)} />
        <Figure id="dj-thanks" value={floor.thanks} label={say.thanks(floor.thanks)} />
      </dl>
      <div class="desk-tempo">
        <p class="hint">{wishes === 0 ? say.tempoNone : say.tempo}</p>
        <div
          class="tempo-bar"
          role="img"
          data-testid="dj-tempo"
          aria-label={say.tempoBar(slower, perfect, faster)}
        >
          <span class="slower" style={vars({ share: slower })} />
          <span class="perfect" style={vars({ share: perfect })} />
          <span class="faster" style={vars({ share: faster })} />
        </div>
        <p class="desk-tempo-words" aria-hidden="true">
          <span>
            {say.slower} {slower}
          </span>
          <span>
            {say.perfect} {perfect}
          </span>
          <span>
            {faster} {say.faster}
          </span>
        </p>
      </div>
      <EveningChart crowd={crowd} />
    </section>
  );
}

function Figure({ id, value, label }: { id: string; value: number; label: string }) {
  return (
    <div class="desk-figure">
      <dt>{label}</dt>
      <dd data-testid={id}>{value}</dd>
    </div>
  );
}

type Draw = typeof import("./chart.ts").draw;

/** The chart's own code is fetched when there is something to draw; its place is kept free from the beginning. */
function EveningChart({ crowd }: { crowd: readonly Minute[] }) {
  const say = words(area);
  const enough = crowd.length > 1;
  const [draw, setDraw] = useState<Draw | null>(null);
  const [box, setBox] = useState<HTMLElement | null>(null);
  const [chart, setChart] = useState<ReturnType<Draw> | null>(null);
  useEffect(() => {
    // Without it the figures above still say how it stands.
    if (enough)
      import("./chart.ts").then(
        (module) => setDraw(() => module.draw),
        () => {},
      );
  }, [enough]);
  const bright = useBright();
  const { chartLikes, chartListeners, chartTempo } = say;
  useEffect(() => {
    if (draw === null || box === null) return;
    const made = draw(box, [chartLikes, chartListeners, chartTempo]);
    setChart(made);
    return () => made.remove();
  }, [draw, box, bright, chartLikes, chartListeners, chartTempo]);
  useEffect(() => chart?.show(crowd), [chart, crowd]);

  const most = crowd.reduce((top, minute) => Math.max(top, minute.likes), 0);
  return (
    <figure class="desk-chart" aria-labelledby="dj-chart">
      <figcaption id="dj-chart" class="hint">
        {enough ? say.chart : say.chartHelp}
      </figcaption>
      <div
        ref={setBox}
        class="desk-plot"
        role="img"
        data-testid="dj-chart"
        aria-label={say.chartSpoken(crowd.length, most)}
      />
    </figure>
  );
}
