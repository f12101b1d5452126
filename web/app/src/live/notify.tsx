import { useEffect, useMemo, useState } from "preact/hooks";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { notify } from "../words/notify.ts";
import { notifier, type Standing } from "./notifier.ts";

/** Turns announcements for a closed page on and off. Shows nothing where there is nothing to turn. */
export function Notify({ sessionId }: { sessionId: string }) {
  const { fetch } = useServices();
  const ours = useMemo(() => notifier(fetch, sessionId), [fetch, sessionId]);
  const [standing, setStanding] = useState<Standing | "asking">("none");
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    let here = true;
    const show = (found: Standing) => here && setStanding(found);
    // What cannot be found out now is as good as not there: nobody asked for it yet.
    ours.standing().then(show, () => {});
    return () => void (here = false);
  }, [ours]);

  const turn = async (work: () => Promise<Standing>) => {
    const before = standing;
    setFailed(false);
    setStanding("asking");
    try {
      setStanding(await work());
    } catch {
      setStanding(before);
      setFailed(true);
    }
  };
  const on = () => void turn(ours.turnOn);
  const off = () => void turn(() => ours.turnOff().then(() => "off"));

  const say = words(notify);
  if (standing === "none") return null;
  return (
    <section class="notify" data-testid="notify" data-standing={standing}>
      {standing === "blocked" && <p role="status">{say.blocked}</p>}
      {(standing === "on" || standing === "quiet") && (
        <>
          <p role="status">{standing === "on" ? say.isOn : say.quiet}</p>
          <button type="button" class="button plain small" data-testid="notify-off" onClick={off}>
            {say.turnOff}
          </button>
        </>
      )}
      {(standing === "off" || standing === "asking") && (
        <>
          <button
            type="button"
            class="button plain"
            data-testid="notify-on"
            aria-disabled={standing === "asking"}
            aria-describedby="notify-help"
            onClick={() => standing === "off" && on()}
          >
            {standing === "asking" ? say.asking : say.turnOn}
          </button>
          <p id="notify-help" class="hint">
            {say.turnOnHelp}
          </p>
        </>
      )}
      {failed && <p role="alert">{say.failed}</p>}
    </section>
  );
}
