// `/stats`: figures over all evenings.

import { Frame } from "../account/frame.tsx";
import { Shown, useAsked } from "../account/use-asked.tsx";
import { Heart, Said } from "../parts.tsx";
import { rest } from "../rest.ts";
import { useServices } from "../services.ts";
import { language, words } from "../words/language.ts";
import { profile } from "../words/profile.ts";
import { profileApi } from "./profile-api.ts";
import "../styles/sheet.css";
import "../styles/profile.css";
import "../styles/recap.css";

export function StatsPage() {
  const { fetch } = useServices();
  const asked = useAsked(async () => {
    const api = profileApi(rest(fetch));
    const [totals, tracks] = await Promise.all([api.totals(), api.topTracks()]);
    return { totals, tracks };
  });
  const say = words(profile);
  const number = new Intl.NumberFormat(language());
  return (
    <Frame title={say.stats} lead={say.statsLead}>
      <Shown asked={asked}>
        {({ totals, tracks }) => (
          <>
            <dl class="totals">
              <div>
                <dt>{say.total.sessions}</dt>
                <dd>{number.format(totals.totalSessions)}</dd>
              </div>
              <div>
                <dt>{say.total.tracks}</dt>
                <dd>{number.format(totals.totalTracks)}</dd>
              </div>
              <div>
                <dt>{say.total.likes}</dt>
                <dd>{number.format(totals.totalLikes)}</dd>
              </div>
            </dl>
            <section aria-labelledby="top-heading">
              <h2 id="top-heading">{say.topTracks}</h2>
              {tracks.length === 0 && <p class="quiet">{say.noTracks}</p>}
              <ol class="rows top">
                {tracks.map((track, i) => (
                  <li key={i} class="row">
                    <span class="place" aria-hidden="true">
                      {i + 1}
                    </span>
                    <div class="row-words">
                      <p class="row-name">
                        <Said>{track.title}</Said>
                      </p>
                      <p class="hint">
                        <Said>{track.artist}</Said>
                      </p>
                    </div>
                    <p class="recap-likes">
                      <Heart />
                      <span aria-hidden="true">{number.format(track.likeCount)}</span>
                      <span class="unseen">{say.likeCount(track.likeCount)}</span>
                    </p>
                  </li>
                ))}
              </ol>
            </section>
          </>
        )}
      </Shown>
    </Frame>
  );
}
