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
import { Notify } from "./notify.tsx";
import { Notices } from "./notices.tsx";
import { NowPlaying } from "./now-playing.tsx";
import { PollCard } from "./poll-card.tsx";
import { PollCall, usePollPlace, type PollPlace } from "./poll-call.tsx";
import { Recent } from "./recent.tsx";
import { Spoken } from "./spoken.tsx";
import { TempoButtons } from "./tempo.tsx";
import { Thanks } from "./thanks.tsx";
import { useLive } from "./use-live.ts";

export function LivePage({ sessionId }: { sessionId: string }) {
  const { client, state } = useLive(sessionId);
  const place = usePollPlace();
  useTitle(state);
  // The focus starts here once; the headings inside change with the music and must not pull it back.
  const floor = useRef<HTMLElement>(null);
  useEffect(() => floor.current?.focus({ preventScroll: true }), []);
  return (
    <div class="live" data-stale={state.connection.kind !== "live"}>
      <LiveHeader client={client} state={state} />
      <main class="floor" ref={floor} tabIndex={-1}>
        {state.phase === "ended" ? (
          <Ended state={state} />
        ) : (
          <Stage client={client} state={state} place={place} />
        )}
        <Recent client={client} state={state} />
      </main>
      <Notices state={state} />
      {/* Over the foot of the page: what comes and goes here moves nothing that is pressed. */}
      <div class="live-foot">
        <Trouble state={state} />
        <PollCall poll={state.poll} place={place} />
        <AnnouncementBanner client={client} state={state} />
      </div>
      <Spoken state={state} />
    </div>
  );
}

function Stage(props: { client: LiveClient; state: LiveState; place: PollPlace }) {
  const { client, state, place } = props;
  const { track } = state;
  return (
    <div class="stage">
      {track === undefined ? (
        <Waiting state={state} />
      ) : (
        <NowPlaying client={client} state={state} track={track} />
      )}
      {track !== undefined && <TempoButtons client={client} state={state} />}
      {state.phase === "live" && <Thanks client={client} state={state} />}
      {state.phase === "live" && <Notify sessionId={state.sessionId} />}
      {state.poll !== undefined && (
        <PollCard
          client={client}
          key={state.poll.pollId}
          poll={state.poll}
          vote={ownVote(state)}
          place={place}
        />
      )}
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
