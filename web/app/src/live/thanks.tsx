import { useEffect, useState } from "preact/hooks";
import type { LiveClient, LiveState } from "@pika/client";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";

// Thanks are a gesture, not a drum roll: one at a time.
const REST_MS = 8_000;

export function Thanks({ client, state }: { client: LiveClient; state: LiveState }) {
  const { platform } = useServices();
  const [standing, setStanding] = useState<"ready" | "sending" | "thanked">("ready");

  useEffect(() => {
    if (standing !== "thanked") return;
    return platform.after(REST_MS, () => setStanding("ready"));
  }, [standing, platform]);

  const thank = async () => {
    if (standing !== "ready") return;
    setStanding("sending");
    setStanding((await client.thank()) ? "thanked" : "ready");
  };

  const say = words(live);
  return (
    <div class="thanks">
      <button
        type="button"
        class="button plain"
        data-testid="thanks-button"
        aria-disabled={standing !== "ready"}
        onClick={() => void thank()}
      >
        {standing === "thanked" ? say.thanked : say.thank}
      </button>
      {state.thanks > 0 && (
        // A new key lets the pulse play again at each count.
        <p key={state.thanks} class="thanks-heard">
          {say.thanks(state.thanks)}
        </p>
      )}
    </div>
  );
}
