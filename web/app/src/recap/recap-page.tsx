// The evening afterwards. Its code and styles are loaded with the page, not before.

import { useEffect, useState } from "preact/hooks";
import type { Recap, RecapPoll, RecapTrack, Tempo } from "../api.ts";
import { Heading, Heart, Link, Message, Named, Said, vars } from "../parts.tsx";
import { livePath } from "../route.ts";
import { useServices } from "../services.ts";
import { dateOf, timeOf } from "../times.ts";
import { Votes } from "../votes.tsx";
import { words } from "../words/language.ts";
import { recap as area } from "../words/recap.ts";
import { shared } from "../words/shared.ts";
import { LikesChart } from "./likes-chart.tsx";
import { OverTime } from "./over-time.tsx";
import { Tools } from "./tools.tsx";
import "../styles/recap.css";

type Found = { kind: "asking" | "none" | "failed" } | { kind: "found"; recap: Recap };

export function RecapPage({ sessionId }: { sessionId: string }) {
  const { api } = useServices();
  const [found, setFound] = useState<Found>({ kind: "asking" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let here = true;
    setFound({ kind: "asking" });
    api.recap(sessionId).then(
      (recap) => here && setFound(recap === null ? { kind: "none" } : { kind: "found", recap }),
      () => here && setFound({ kind: "failed" }),
    );
    return () => void (here = false);
  }, [api, sessionId, attempt]);

  const say = words(area);
  switch (found.kind) {
    case "asking":
      return <p class="loading">{say.loading}</p>;
    case "none":
      return (
        <Message title={say.noneTitle}>
          <p>{say.noneHelp}</p>
          <Link to="/" class="button">
            {words(shared).toSessions}
          </Link>
        </Message>
      );
    case "failed":
      return (
        <Message title={say.failedTitle}>
          <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
            {words(shared).tryAgain}
          </button>
        </Message>
      );
    case "found":
      return <Evening recap={found.recap} />;
  }
}

function Evening({ recap }: { recap: Recap }) {
  const { djName, startedAt, endedAt, tracks, totalLikes, peakListeners, polls, djSlug } = recap;
  const say = words(area);
  const title = say.pageTitle(djName);
  useEffect(() => void (document.title = title), [title]);
  // A track that waited for the network was played before the server heard of the evening.
  const began =
    startedAt === undefined ? undefined : Math.min(startedAt, tracks[0]?.playedAt ?? startedAt);
  return (
    <div class="recap">
      <header>
        <p class="kicker">{say.recap}</p>
        <Heading>
          <Said>{djName}</Said>
        </Heading>
        {began !== undefined && (
          <p class="when">
            {dateOf(began)},{" "}
            <span class="hours">
              {timeOf(began)}
              {endedAt === undefined ? "" : `–${timeOf(endedAt)}`}
            </span>
          </p>
        )}
        <p class="sums">
          <span>{say.trackCount(tracks.length)}</span>
          <span>{say.likeCount(totalLikes)}</span>
          {peakListeners !== undefined && peakListeners > 0 && (
            <span>{say.peakCount(peakListeners)}</span>
          )}
        </p>
        {endedAt === undefined && (
          <Link to={livePath(recap.sessionId)} class="button small">
            {say.stillOn}
          </Link>
        )}
        {/* A page of its own: its policy lets pictures of other hosts in. */}
        {endedAt !== undefined && djSlug !== undefined && (
          <a href={`/dj/${encodeURIComponent(djSlug)}`} class="button plain small">
            {say.djPage}
          </a>
        )}
      </header>
      <main>
        {totalLikes > 0 && tracks.length > 1 && <LikesChart tracks={tracks} />}
        <OverTime tracks={tracks} endedAt={endedAt} />
        <section class="played" aria-labelledby="tracks-heading">
          <h2 id="tracks-heading">{say.tracks}</h2>
          {tracks.length === 0 && <p class="quiet">{say.nothingPlayed}</p>}
          {tracks.some((one) => one.tempo !== undefined) && <Legend />}
          <ol class="recap-tracks">
            {tracks.map((one) => (
              <TrackRow key={one.position} one={one} />
            ))}
          </ol>
        </section>
        {polls !== undefined && polls.length > 0 && (
          <section aria-labelledby="polls-heading">
            <h2 id="polls-heading">{say.polls}</h2>
            <p class="hint">{say.forOwner}</p>
            {polls.map((poll, i) => (
              <PollResult key={i} poll={poll} />
            ))}
          </section>
        )}
        {tracks.length > 0 && <Tools recap={recap} />}
      </main>
    </div>
  );
}

function TrackRow({ one: { track, playedAt, likes, tempo } }: { one: RecapTrack }) {
  return (
    <li class="recap-track">
      <Named title={track.title} artist={track.artist}>
        <p class="hint">
          {playedAt !== undefined && (
            <time dateTime={new Date(playedAt).toISOString()}>{timeOf(playedAt)}</time>
          )}
          {track.bpm !== undefined && <span data-bpm>{` · ${Math.round(track.bpm)} BPM`}</span>}
          {track.key !== undefined && ` · ${track.key}`}
        </p>
      </Named>
      <p class={likes === 0 ? "recap-likes none" : "recap-likes"}>
        <Heart />
        <span>{likes}</span>
        <span class="unseen">{words(area).likeNoun(likes)}</span>
      </p>
      {tempo !== undefined && <TempoBar tempo={tempo} />}
    </li>
  );
}

/** For eyes; each bar says its own numbers to a reader. */
function Legend() {
  const say = words(area);
  return (
    <p class="legend hint" aria-hidden="true">
      <span class="slower" /> {say.slower}
      <span class="perfect" /> {say.perfect}
      <span class="faster" /> {say.faster}
    </p>
  );
}

function TempoBar({ tempo }: { tempo: Tempo }) {
  const { slower, perfect, faster } = tempo;
  if (slower + perfect + faster === 0) return null;
  const spoken = words(area).tempoBar(slower, perfect, faster);
  return (
    <div class="tempo-bar" role="img" aria-label={spoken} title={spoken}>
      <span class="slower" style={vars({ share: slower })} />
      <span class="perfect" style={vars({ share: perfect })} />
      <span class="faster" style={vars({ share: faster })} />
    </div>
  );
}

function PollResult({ poll }: { poll: RecapPoll }) {
  return (
    <article class="card recap-poll">
      <h3>
        <Said>{poll.question}</Said>
      </h3>
      <Votes poll={poll} />
      <p class="hint">{words(area).voteCount(poll.totalVotes)}</p>
    </article>
  );
}
