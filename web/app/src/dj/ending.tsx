import { useEffect, useRef, useState } from "preact/hooks";
import { isOver } from "@pika/client";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import type { PanelProps } from "./console.tsx";
import { Failure } from "./failure.tsx";
import { useAsk } from "./use-dj.ts";

const UNDO_SECONDS = 5;

type Standing = { kind: "playing" } | { kind: "asked" } | { kind: "ending"; seconds: number };

/** Ending is for everybody and for good: asked about first, and taken back for a few seconds more. */
export function Ending({ client, state }: PanelProps) {
  const { platform } = useServices();
  const say = words(area);
  const [standing, setStanding] = useState<Standing>({ kind: "playing" });
  const waits = state.waiting.some((word) => word.type === "END_SESSION");

  useEffect(() => {
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
        <Sure
          client={client}
          state={state}
          no={() => setStanding({ kind: "playing" })}
          yes={() => setStanding({ kind: "ending", seconds: UNDO_SECONDS })}
        />
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

function Sure({ client, state, no, yes }: PanelProps & { no: () => void; yes: () => void }) {
  const say = words(area);
  const { ask, failure } = useAsk();
  const goOn = useRef<HTMLButtonElement>(null);
  useEffect(() => goOn.current?.focus(), []);

  const { poll } = state.floor;
  const untold = poll?.hideResults === true && !isOver(poll) ? poll : undefined;
  const tell = async (pollId: number) => {
    // The button that was pressed goes away.
    if (await ask(() => client.endPoll(pollId))) goOn.current?.focus();
  };
  return (
    <div
      role="alertdialog"
      aria-labelledby="end-sure"
      aria-describedby={untold === undefined ? "end-help" : "end-help end-untold"}
    >
      <h2 id="end-sure">{say.endSure}</h2>
      <p id="end-help" class="hint">
        {say.endSureHelp}
      </p>
      {untold !== undefined && (
        <>
          <p id="end-untold" class="hint wrong">
            {say.endUntold}
          </p>
          <div class="desk-row">
            <button type="button" class="button small" onClick={() => void tell(untold.pollId)}>
              {say.endPollFirst}
            </button>
          </div>
          <Failure words={failure} />
        </>
      )}
      <div class="desk-row">
        <button type="button" class="button small" ref={goOn} onClick={no}>
          {say.endNo}
        </button>
        <button type="button" class="button plain small desk-end-button" onClick={yes}>
          {say.endYes}
        </button>
      </div>
    </div>
  );
}
