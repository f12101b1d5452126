// The dancer's view of one session.

import { useEffect, useRef } from "preact/hooks";
import { ownVote, type LiveClient, type LiveState } from "@pika/client";
import { Link, Said } from "../parts.tsx";
import { recapPath } from "../route.ts";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";
import { shared } from "../words/shared.ts";
import { AnnouncementBanner } from "./announcement.tsx";
import { LiveHeader, Trouble } from "./header.tsx";
import { Notices } from "./notices.tsx";
import { NowPlaying } from "./now-playing.tsx";
import { PollCard } from "./poll-card.tsx";
import { Recent } from "./recent.tsx";
import { Spoken } from "./spoken.tsx";
import { TempoButtons } from "./tempo.tsx";
import { Thanks } from "./thanks.tsx";
import { useLive } from "./use-live.ts";

export function LivePage({ sessionId }: { sessionId: string }) {
  const { client, state } = useLive(sessionId);
  useTitle(state);
  // The focus starts here once; the headings inside change with the music and must not pull it back.
  const floor = useRef<HTMLElement>(null);
  useEffect(() => floor.current?.focus({ preventScroll: true }), []);
  return (
    <div class="live" data-stale={state.connection.kind === "reconnecting"}>
      <LiveHeader client={client} state={state} />
      <AnnouncementBanner client={client} state={state} />
      <main class="floor" ref={floor} tabIndex={-1}>
        {state.phase === "ended" ? (
          <Ended state={state} />
        ) : (
          <Stage client={client} state={state} />
        )}
        <Recent client={client} state={state} />
      </main>
      <Notices state={state} />
      <Trouble state={state} />
      <Spoken state={state} />
    </div>
  );
}

function Stage({ client, state }: { client: LiveClient; state: LiveState }) {
  const { track } = state;
  return (
    <div class="stage">
      {track === undefined ? (
        <Waiting state={state} />
      ) : (
        <NowPlaying client={client} state={state} track={track} />
      )}
      {state.poll !== undefined && (
        <PollCard client={client} key={state.poll.pollId} poll={state.poll} vote={ownVote(state)} />
      )}
      {track !== undefined && <TempoButtons client={client} state={state} />}
      {state.phase === "live" && <Thanks client={client} state={state} />}
    </div>
  );
}

function Waiting({ state }: { state: LiveState }) {
  const say = words(live);
  const joined = state.connection.kind === "live";
  if (state.phase === "live") {
    return (
      <section class="card waiting">
        <h1>{say.betweenTracks}</h1>
        <p>{say.nextShowsHere}</p>
      </section>
    );
  }
  return (
    <section class="card waiting">
      <h1>{joined ? say.waiting : say.finding}</h1>
      <p>{joined ? say.waitingHelp : say.moment}</p>
    </section>
  );
}

function Ended({ state }: { state: LiveState }) {
  const say = words(live);
  // The socket answers an address that never was as it answers one that is over; only what is known tells them apart.
  if (state.djName === undefined && state.recent.length === 0) {
    return (
      <section class="card ended" data-testid="session-ended">
        <h1>{say.nobodyTitle}</h1>
        <p>{say.nobodyHelp}</p>
        <Link to="/" class="button">
          {words(shared).toSessions}
        </Link>
      </section>
    );
  }
  return (
    <section class="card ended" data-testid="session-ended">
      <h1>{say.overTitle}</h1>
      <p>
        {state.djName === undefined ? say.overUnnamed : say.over(<Said>{state.djName}</Said>)}{" "}
        {say.overAgain}
      </p>
      <Link to={recapPath(state.sessionId)} class="button">
        {say.seeRecap}
      </Link>
      <Link to="/" class="button plain">
        {say.otherSessions}
      </Link>
      <Link to="/likes" class="button plain">
        {say.myLikes}
      </Link>
    </section>
  );
}

function useTitle({ track, djName, phase }: LiveState): void {
  useEffect(() => {
    if (track !== undefined) document.title = `${track.title} – ${track.artist} · Pika`;
    else document.title = phase === "live" && djName !== undefined ? `${djName} · Pika` : "Pika";
  }, [track, djName, phase]);
}
