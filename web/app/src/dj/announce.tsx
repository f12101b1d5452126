import type { TargetedSubmitEvent } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { pushes } from "../live/notifier.ts";
import { useServerTime } from "../live/use-live.ts";
import { Said } from "../parts.tsx";
import { useServices } from "../services.ts";
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
  const [push, setPush] = useState(false);
  const { fetch } = useServices();
  const [canPush, setCanPush] = useState(true);
  useEffect(() => void pushes(fetch).then(setCanPush), [fetch]);
  const [sending, setSending] = useState(false);
  const [field, span] = [useId(), useId()];
  const now = useServerTime(client, announcement?.endsAt !== undefined, 1_000);
  const stands =
    announcement !== undefined && (announcement.endsAt === undefined || announcement.endsAt > now);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = message.trim();
    // Sent twice, it would ring twice.
    if (said === "" || sending) return;
    setSending(true);
    const stored = await ask(() => client.announce(said, minutes * 60, push && canPush));
    setSending(false);
    if (stored) {
      setMessage("");
      setPush(false);
    }
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
        {canPush && (
          <label class="desk-check">
            <input
              type="checkbox"
              checked={push}
              onChange={(event) => setPush(event.currentTarget.checked)}
            />
            <span>
              {say.announcePush}
              <small class="hint">{say.announcePushHelp}</small>
            </span>
          </label>
        )}
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
          <button type="submit" class="button small" aria-disabled={sending}>
            {say.announceGo}
          </button>
        </div>
        <Failure words={failure} />
      </form>
    </section>
  );
}
