import type { TargetedSubmitEvent } from "preact";
import { useId, useState } from "preact/hooks";
import { useServerTime } from "../live/use-live.ts";
import { Said } from "../parts.tsx";
import { timeOf } from "../times.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import { live } from "../words/live.ts";
import type { PanelProps } from "./console.tsx";
import { Failure } from "./failure.tsx";
import { useAsk } from "./use-dj.ts";

const MINUTES = [2, 5, 15, 60] as const;

export function Announce({ client, state }: PanelProps) {
  const say = words(area);
  const { announcement } = state.floor;
  const { ask, failure } = useAsk();
  const [message, setMessage] = useState("");
  const [minutes, setMinutes] = useState<number>(5);
  const [field, span] = [useId(), useId()];
  const now = useServerTime(client, announcement?.endsAt !== undefined, 1_000);
  const stands =
    announcement !== undefined && (announcement.endsAt === undefined || announcement.endsAt > now);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = message.trim();
    if (said === "") return;
    if (await ask(() => client.announce(said, minutes * 60))) setMessage("");
  };

  return (
    <section class="card desk-panel" aria-labelledby="dj-announce">
      <h2 id="dj-announce">{say.announce}</h2>
      {stands && (
        <div class="desk-said" data-testid="dj-announcement">
          <p>
            <strong>
              <Said>{announcement.message}</Said>
            </strong>
            {announcement.endsAt !== undefined && (
              <span class="hint">
                {" "}
                {words(live).until} {timeOf(announcement.endsAt)}
              </span>
            )}
          </p>
          <button
            type="button"
            class="button plain small"
            onClick={() => void ask(() => client.cancelAnnouncement())}
          >
            {say.announceBack}
          </button>
        </div>
      )}
      <form class="desk-form" onSubmit={(event) => void submit(event)}>
        <label for={field}>{say.announceLabel}</label>
        <textarea
          id={field}
          rows={2}
          maxLength={200}
          required
          value={message}
          onInput={(event) => setMessage(event.currentTarget.value)}
        />
        <div class="desk-row">
          <label for={span}>{say.announceFor}</label>
          <select
            id={span}
            value={minutes}
            onChange={(event) => setMinutes(Number(event.currentTarget.value))}
          >
            {MINUTES.map((one) => (
              <option key={one} value={one}>
                {say.minutes(one)}
              </option>
            ))}
          </select>
          <button type="submit" class="button small">
            {say.announceGo}
          </button>
        </div>
        <Failure words={failure} />
      </form>
    </section>
  );
}
