import type { LiveClient, LiveState, Tempo } from "@pika/client";
import { vars } from "../parts.tsx";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";

const WISHES: readonly { wish: Tempo; sign: string }[] = [
  { wish: "slower", sign: "−" },
  { wish: "perfect", sign: "=" },
  { wish: "faster", sign: "+" },
];

export function TempoButtons({ client, state }: { client: LiveClient; state: LiveState }) {
  const { tempo, ownTempo } = state;
  const say = words(live);
  const total = tempo.slower + tempo.perfect + tempo.faster;
  return (
    <section class="card tempo" aria-labelledby="tempo-heading">
      <h2 id="tempo-heading">{say.tempoHeading}</h2>
      <div class="tempo-row">
        {WISHES.map(({ wish, sign }) => (
          <button
            key={wish}
            type="button"
            class="wish"
            data-testid={`tempo-${wish}`}
            aria-pressed={ownTempo === wish}
            style={vars({ share: total === 0 ? 0 : tempo[wish] / total })}
            onClick={() => client.tempo(wish)}
          >
            <span class="sign" aria-hidden="true">
              {sign}
            </span>
            <span aria-hidden="true">{say[wish]}</span>
            <span class="wish-count" aria-hidden="true">
              {tempo[wish]}
            </span>
            <span class="unseen">{say.wish(say[wish], tempo[wish])}</span>
          </button>
        ))}
      </div>
      <p class="hint">{ownTempo === undefined ? say.wishLasts : say.wishBack}</p>
    </section>
  );
}
