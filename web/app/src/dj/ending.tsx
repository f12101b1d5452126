import { useEffect, useRef, useState } from "preact/hooks";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import type { PanelProps } from "./console.tsx";

const UNDO_SECONDS = 5;

type Standing = { kind: "playing" } | { kind: "asked" } | { kind: "ending"; seconds: number };

/** Ending is for everybody and for good: asked about first, and taken back for a few seconds more. */
export function Ending({ client, state }: PanelProps) {
  const { platform } = useServices();
  const say = words(area);
  const [standing, setStanding] = useState<Standing>({ kind: "playing" });
  const waits = state.waiting.some((word) => word.type === "END_SESSION");
  const goOn = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (standing.kind === "asked") goOn.current?.focus();
    if (standing.kind !== "ending") return;
    const { seconds } = standing;
    return platform.after(1_000, () => {
      if (seconds > 1) {
        setStanding({ kind: "ending", seconds: seconds - 1 });
        return;
      }
      setStanding({ kind: "playing" });
      client.end();
    });
  }, [standing, client, platform]);

  return (
    <section class="card desk-panel desk-end" aria-label={say.end}>
      {waits ? (
        <>
          <p role="status">{say.endWaits}</p>
          <button type="button" class="button" onClick={() => client.withdrawEnd()}>
            {say.undo}
          </button>
        </>
      ) : standing.kind === "playing" ? (
        <button
          type="button"
          class="button plain desk-end-button"
          onClick={() => setStanding({ kind: "asked" })}
        >
          {say.end}
        </button>
      ) : standing.kind === "asked" ? (
        <div role="alertdialog" aria-labelledby="end-sure" aria-describedby="end-help">
          <h2 id="end-sure">{say.endSure}</h2>
          <p id="end-help" class="hint">
            {say.endSureHelp}
          </p>
          <div class="desk-row">
            <button
              type="button"
              class="button small"
              ref={goOn}
              onClick={() => setStanding({ kind: "playing" })}
            >
              {say.endNo}
            </button>
            <button
              type="button"
              class="button plain small desk-end-button"
              onClick={() => setStanding({ kind: "ending", seconds: UNDO_SECONDS })}
            >
              {say.endYes}
            </button>
          </div>
        </div>
      ) : (
        <>
          <p role="timer">{say.ending(standing.seconds)}</p>
          <button type="button" class="button" onClick={() => setStanding({ kind: "playing" })}>
            {say.undo}
          </button>
        </>
      )}
    </section>
  );
}
