// `/dj/{slug}`: what a DJ tells of themselves, and their past evenings.

import { useEffect, useState } from "preact/hooks";
import { Frame } from "../account/frame.tsx";
import { Shown, useAsked } from "../account/use-asked.tsx";
import { Heading, Link, Message, Said } from "../parts.tsx";
import { rest } from "../rest.ts";
import { recapPath } from "../route.ts";
import { useServices } from "../services.ts";
import { dateOf } from "../times.ts";
import { words } from "../words/language.ts";
import { profile } from "../words/profile.ts";
import { shared } from "../words/shared.ts";
import { profileApi, type Dj } from "./profile-api.ts";
import "../styles/sheet.css";
import "../styles/profile.css";

export function ProfilePage({ slug }: { slug: string }) {
  const { fetch } = useServices();
  const asked = useAsked(() => profileApi(rest(fetch)).dj(slug));
  const say = words(profile);
  if (asked.value === null) {
    return (
      <Message title={say.nobodyTitle}>
        <p>{say.nobodyHelp}</p>
        <Link to="/" class="button">
          {words(shared).toSessions}
        </Link>
      </Message>
    );
  }
  return (
    <Frame>
      <Shown asked={asked}>{(dj) => dj !== null && <About dj={dj} />}</Shown>
    </Frame>
  );
}

function About({ dj }: { dj: Dj }) {
  const say = words(profile);
  const title = say.pageTitle(dj.djName);
  useEffect(() => void (document.title = title), [title]);
  const links = Object.entries(dj.socialLinks);
  return (
    <>
      <header class="dj-head">
        <Avatar dj={dj} />
        <div>
          <p class="kicker">{say.dj}</p>
          <Heading>
            <Said>{dj.djName}</Said>
          </Heading>
          <p class="sums">
            <span>{say.sessionCount(dj.totalSessions)}</span>
            <span>{say.trackCount(dj.totalTracks)}</span>
          </p>
        </div>
      </header>
      {dj.bio !== "" && (
        <p class="bio">
          <Said>{dj.bio}</Said>
        </p>
      )}
      {dj.genres.length > 0 && (
        <ul class="chips" aria-label={say.genres}>
          {dj.genres.map((genre) => (
            <li key={genre} class="chip">
              <Said>{genre}</Said>
            </li>
          ))}
        </ul>
      )}
      {(dj.website !== undefined || links.length > 0) && (
        <ul class="dj-links" aria-label={say.links}>
          {dj.website !== undefined && <Away url={dj.website} name={say.website} />}
          {links.map(([network, url]) => (
            <Away key={network} url={url} name={network} />
          ))}
        </ul>
      )}
      <section aria-labelledby="past-heading">
        <h2 id="past-heading">{say.sessions}</h2>
        {dj.sessions.length === 0 && <p class="quiet">{say.noSessions}</p>}
        <ul class="rows">
          {dj.sessions.map((session) => (
            <li key={session.id}>
              <Link to={recapPath(session.id)} class="row past">
                <span class="row-name">{dateOf(session.startedAt)}</span>
                <span class="hint">{say.trackCount(session.trackCount)}</span>
              </Link>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

/** What a stranger linked to learns nothing from us: neither where the visitor came from nor a hold on this window. */
function Away({ url, name }: { url: string; name: string }) {
  return (
    <li>
      <a href={url} rel="noopener noreferrer nofollow" target="_blank" class="button plain small">
        <span class="network">{name}</span>
      </a>
    </li>
  );
}

/** The DJ's picture, or the first letter of the name where there is none or it does not come. */
function Avatar({ dj }: { dj: Dj }) {
  const [broken, setBroken] = useState(false);
  const letter = [...dj.djName.replace(/^dj\s+/i, "")][0] ?? "♪";
  return (
    <span class="avatar" aria-hidden="true">
      {dj.avatarUrl === undefined || broken ? (
        letter.toUpperCase()
      ) : (
        <img
          src={dj.avatarUrl}
          alt=""
          width={96}
          height={96}
          referrerpolicy="no-referrer"
          onError={() => setBroken(true)}
        />
      )}
    </span>
  );
}
