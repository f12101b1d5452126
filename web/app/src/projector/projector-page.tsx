// A session on the wall: read from the far end of a dark hall, touched by nobody.

import { useEffect, useState } from "preact/hooks";
import { isOver, trackKey, type LiveClient, type LiveState, type Poll } from "@pika/client";
import type { Invitation } from "../api.ts";
import { useLive, useServerTime } from "../live/use-live.ts";
import { Bolt, hueOf, Said, vars } from "../parts.tsx";
import { useServices } from "../services.ts";
import { clock } from "../times.ts";
import { words } from "../words/language.ts";
import { projector as area } from "../words/projector.ts";
import {
  useComesBack,
  useInvitation,
  useResults,
  useWakeLock,
  type Results,
} from "./unattended.ts";
import "../styles/projector.css";

/** How long a result stands before the music has the wall again. */
const RESULT_MS = 45_000;

export function ProjectorPage({ sessionId }: { sessionId: string }) {
  const { client, state } = useLive(sessionId);
  const invitation = useInvitation(state);
  const results = useResults();
  useWakeLock();
  useComesBack(client, state);
  const djName = state.djName ?? invitation?.djName;
  useEffect(() => {
    document.title = djName === undefined ? "Pika" : `${djName} · Pika`;
  }, [djName]);
  const hue = state.track === undefined ? 265 : hueOf(trackKey(state.track.said));
  const stale = state.connection.kind !== "live";
  return (
    <div
      class="wall"
      style={vars({ hue })}
      data-testid="projector"
      data-state={state.connection.kind}
      data-stale={stale}
    >
      <header class="wall-head">
        <p class="wall-mark">
          <Bolt /> {djName === undefined ? "Pika" : <Said>{djName}</Said>}
        </p>
        {state.poll !== undefined && state.track !== undefined && (
          <p class="wall-meanwhile">
            ♪ <Said>{state.track.title}</Said> – <Said>{state.track.artist}</Said>
          </p>
        )}
        <Trouble state={state} />
      </header>
      <main class="wall-main">
        <Middle client={client} state={state} results={results} />
      </main>
      <Invite invitation={state.phase === "ended" ? null : invitation} />
      <Announced client={client} state={state} />
    </div>
  );
}

function Trouble({ state }: { state: LiveState }) {
  const say = words(area);
  const { kind } = state.connection;
  const lost = kind === "reconnecting" || kind === "refused";
  return (
    <p class="wall-trouble" role="status">
      {lost ? say.reconnecting : state.djAway ? say.djAway : ""}
    </p>
  );
}

function Middle(props: { client: LiveClient; state: LiveState; results: Results }) {
  const { client, state, results } = props;
  const say = words(area);
  const { poll, track, phase } = state;
  if (phase === "ended") {
    return (
      <section class="wall-words" data-testid="wall-over">
        <h1>{state.djName === undefined ? say.soon : say.over}</h1>
        <p>{state.djName === undefined ? say.soonHelp : say.overHelp}</p>
      </section>
    );
  }
  if (poll !== undefined) {
    return (
      <WallPoll key={poll.pollId} client={client} poll={poll} state={state} results={results} />
    );
  }
  return track === undefined ? (
    <section class="wall-words">
      <h1>{phase === "live" ? say.between : say.soon}</h1>
      {phase !== "live" && <p>{say.soonHelp}</p>}
    </section>
  ) : (
    <Playing state={state} />
  );
}

function Playing({ state }: { state: LiveState }) {
  const say = words(area);
  const { track } = state;
  if (track === undefined) return null;
  const long = track.title.length > 42 ? "long" : track.title.length > 22 ? "middling" : "short";
  const heading = state.connection.kind === "live" ? say.nowPlaying : say.lastHeard;
  return (
    <section class="wall-playing" aria-label={heading}>
      <p class="wall-kicker">
        <span class="wall-bars" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        {heading}
      </p>
      <h1 class="wall-title" data-testid="wall-title" data-length={long}>
        <Said>{track.title}</Said>
      </h1>
      <p class="wall-artist">
        <Said>{track.artist}</Said>
        {track.bpm !== undefined && <span class="wall-bpm">{Math.round(track.bpm)} BPM</span>}
      </p>
    </section>
  );
}

interface WallPollProps {
  client: LiveClient;
  poll: Poll;
  state: LiveState;
  results: Results;
}

function WallPoll({ client, poll, state, results }: WallPollProps) {
  const say = words(area);
  const over = isOver(poll);
  const timed = !over && poll.endsAt !== undefined;
  const now = useServerTime(client, timed, 250);
  const put = useResultPut(over);
  if (over && put) return state.track === undefined ? null : <Playing state={state} />;
  const hidden = !over && poll.hideResults === true;
  const shown = over || (results === "live" && !hidden);
  const winner = poll.options[poll.winnerIndex ?? -1];
  return (
    <section class="wall-poll" data-testid="wall-poll" aria-labelledby="wall-question">
      <p class="wall-kicker">
        {over ? say.result : say.poll}
        {timed && (
          <span class="wall-clock" role="timer">
            {clock((poll.endsAt ?? 0) - now)}
          </span>
        )}
      </p>
      <h1 id="wall-question" class="wall-question">
        <Said>{poll.question}</Said>
      </h1>
      <ul class="wall-options" data-many={poll.options.length > 4}>
        {poll.options.map((option, i) => {
          const votes = poll.votes[i] ?? 0;
          const share = poll.totalVotes === 0 || !shown ? 0 : votes / poll.totalVotes;
          return (
            <li
              key={i}
              class={poll.winnerIndex === i ? "wall-option winner" : "wall-option"}
              data-testid={`wall-option-${i}`}
              style={vars({ share })}
            >
              <span class="wall-option-words">
                <Said>{option}</Said>
              </span>
              {shown && <span class="wall-share">{Math.round(share * 100)} %</span>}
            </li>
          );
        })}
      </ul>
      <p class="wall-votes">
        {!hidden && say.votes(poll.totalVotes)}
        {!hidden && !shown && " · "}
        {!shown && say.atTheEnd}
        {over && <> · {winner === undefined ? say.noResult : say.wins(<Said>{winner}</Said>)}</>}
      </p>
    </section>
  );
}

function useResultPut(over: boolean): boolean {
  const { platform } = useServices();
  const [put, setPut] = useState(false);
  useEffect(() => {
    if (!over) return;
    return platform.after(RESULT_MS, () => setPut(true));
  }, [over, platform]);
  return put;
}

function Announced({ client, state }: { client: LiveClient; state: LiveState }) {
  const { announcement } = state;
  const now = useServerTime(client, announcement?.endsAt !== undefined, 1_000);
  if (announcement === undefined) return null;
  if (announcement.endsAt !== undefined && announcement.endsAt <= now) return null;
  return (
    <aside class="wall-announcement" aria-label={words(area).announcement}>
      <Said>{announcement.message}</Said>
    </aside>
  );
}

function Invite({ invitation }: { invitation: Invitation | null }) {
  const say = words(area);
  if (invitation === null) return <aside class="wall-invite empty" />;
  const { joinCode, joinUrl } = invitation;
  return (
    <aside class="wall-invite">
      <img
        class="wall-qr"
        data-testid="wall-qr"
        src={`/qr/${joinCode}.svg`}
        width="240"
        height="240"
        alt={say.qr(joinCode)}
      />
      <p class="wall-join">{say.join}</p>
      <p class="wall-code" data-testid="wall-code">
        <span class="unseen">{say.code} </span>
        {joinCode}
      </p>
      <p class="wall-host">{hostOf(joinUrl)}</p>
    </aside>
  );
}

/** What somebody without a camera types; the scheme is nothing that anybody types. */
function hostOf(joinUrl: string): string {
  try {
    return new URL(joinUrl).host;
  } catch {
    return "";
  }
}
