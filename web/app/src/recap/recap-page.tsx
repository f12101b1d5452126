// The evening afterwards. Its code and styles are loaded with the page, not before.

import { useEffect, useState } from "preact/hooks";
import type { Recap, RecapPoll, RecapTrack, Tempo } from "../api.ts";
import { Heading, Heart, Link, Message, Said, vars } from "../parts.tsx";
import { livePath } from "../route.ts";
import { useServices } from "../services.ts";
import { counted, dateOf, timeOf } from "../words.ts";
import { LikesChart } from "./likes-chart.tsx";
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

  switch (found.kind) {
    case "asking":
      return <p class="loading">Loading the recap…</p>;
    case "none":
      return (
        <Message title="There is no recap">
          <p>No session of this name is known here.</p>
          <Link to="/" class="button">
            To the live sessions
          </Link>
        </Message>
      );
    case "failed":
      return (
        <Message title="The recap could not be loaded">
          <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
            Try again
          </button>
        </Message>
      );
    case "found":
      return <Evening recap={found.recap} />;
  }
}

function Evening({ recap }: { recap: Recap }) {
  const { djName, startedAt, endedAt, tracks, totalLikes, polls } = recap;
  useEffect(() => void (document.title = `Recap: ${djName} · Pika`), [djName]);
  return (
    <div class="recap">
      <header>
        <p class="kicker">Recap</p>
        <Heading>
          <Said>{djName}</Said>
        </Heading>
        {startedAt !== undefined && (
          <p class="when">
            {dateOf(startedAt)},{" "}
            <span class="hours">
              {timeOf(startedAt)}
              {endedAt === undefined ? "" : `–${timeOf(endedAt)}`}
            </span>
          </p>
        )}
        <p class="sums">
          <span>{counted(tracks.length, "track", "tracks")}</span>
          <span>{counted(totalLikes, "like", "likes")}</span>
        </p>
        {endedAt === undefined && (
          <Link to={livePath(recap.sessionId)} class="button small">
            It is still going on
          </Link>
        )}
      </header>
      <main>
        {totalLikes > 0 && tracks.length > 1 && <LikesChart tracks={tracks} />}
        <section aria-labelledby="tracks-heading">
          <h2 id="tracks-heading">Tracks</h2>
          {tracks.length === 0 && <p class="quiet">Nothing was played.</p>}
          {tracks.some((one) => one.tempo !== undefined) && <Legend />}
          <ol class="recap-tracks">
            {tracks.map((one) => (
              <TrackRow key={one.position} one={one} />
            ))}
          </ol>
        </section>
        {polls !== undefined && polls.length > 0 && (
          <section aria-labelledby="polls-heading">
            <h2 id="polls-heading">Polls</h2>
            {polls.map((poll, i) => (
              <PollResult key={i} poll={poll} />
            ))}
          </section>
        )}
      </main>
    </div>
  );
}

function TrackRow({ one: { track, playedAt, likes, tempo } }: { one: RecapTrack }) {
  return (
    <li class="recap-track">
      <div class="row-words">
        <p class="row-title">
          <Said>{track.title}</Said>
        </p>
        <p class="row-artist">
          <Said>{track.artist}</Said>
        </p>
        <p class="hint">
          {playedAt !== undefined && (
            <time dateTime={new Date(playedAt).toISOString()}>{timeOf(playedAt)}</time>
          )}
          {track.bpm !== undefined && ` · ${Math.round(track.bpm)} BPM`}
          {track.key !== undefined && ` · ${track.key}`}
        </p>
      </div>
      <p class={likes === 0 ? "recap-likes none" : "recap-likes"}>
        <Heart />
        <span>{likes}</span>
        <span class="unseen">{likes === 1 ? "like" : "likes"}</span>
      </p>
      {tempo !== undefined && <TempoBar tempo={tempo} />}
    </li>
  );
}

/** For eyes; each bar says its own numbers to a reader. */
function Legend() {
  return (
    <p class="legend hint" aria-hidden="true">
      <span class="slower" /> slower
      <span class="perfect" /> perfect
      <span class="faster" /> faster
    </p>
  );
}

function TempoBar({ tempo }: { tempo: Tempo }) {
  const { slower, perfect, faster } = tempo;
  if (slower + perfect + faster === 0) return null;
  const words = `Tempo: ${slower} slower, ${perfect} perfect, ${faster} faster`;
  return (
    <div class="tempo-bar" role="img" aria-label={words} title={words}>
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
      <ul class="options">
        {poll.options.map((option, i) => {
          const votes = poll.votes[i] ?? 0;
          const share = poll.totalVotes === 0 ? 0 : votes / poll.totalVotes;
          return (
            <li
              key={i}
              class={i === poll.winnerIndex ? "option winner" : "option"}
              style={vars({ share })}
            >
              <span class="option-words">
                <Said>{option}</Said>
              </span>
              <span class="option-share">{votes}</span>
            </li>
          );
        })}
      </ul>
      <p class="hint">{counted(poll.totalVotes, "vote", "votes")}</p>
    </article>
  );
}
