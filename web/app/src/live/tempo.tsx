import type { LiveClient, LiveState, Tempo } from "@pika/client";
import { vars } from "../parts.tsx";
import { counted } from "../words.ts";

const WISHES: readonly { wish: Tempo; words: string; sign: string }[] = [
  { wish: "slower", words: "Slower", sign: "−" },
  { wish: "perfect", words: "Perfect", sign: "=" },
  { wish: "faster", words: "Faster", sign: "+" },
];

export function TempoButtons({ client, state }: { client: LiveClient; state: LiveState }) {
  const { tempo, ownTempo } = state;
  const total = tempo.slower + tempo.perfect + tempo.faster;
  return (
    <section class="card tempo" aria-labelledby="tempo-heading">
      <h2 id="tempo-heading">How is the tempo?</h2>
      <div class="tempo-row">
        {WISHES.map(({ wish, words, sign }) => (
          <button
            key={wish}
            type="button"
            class="wish"
            data-testid={`tempo-${wish}`}
            aria-pressed={ownTempo === wish}
            aria-label={`${words}, ${counted(tempo[wish], "dancer", "dancers")}`}
            style={vars({ share: total === 0 ? 0 : tempo[wish] / total })}
            onClick={() => client.tempo(wish)}
          >
            <span class="sign" aria-hidden="true">
              {sign}
            </span>
            <span>{words}</span>
            <span class="wish-count">{tempo[wish]}</span>
          </button>
        ))}
      </div>
      <p class="hint">
        {ownTempo === undefined ? "It counts until the next track." : "Tap again to take it back."}
      </p>
    </section>
  );
}
