// The dancer's view of one session.

import { useEffect, useRef } from "preact/hooks";
import { ownVote, type LiveClient, type LiveState } from "@pika/client";
import { Link, Said } from "../parts.tsx";
import { recapPath } from "../route.ts";
import { AnnouncementBanner } from "./announcement.tsx";
import { LiveHeader } from "./header.tsx";
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
    <div class="live">
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
  const joined = state.connection.kind === "live";
  if (state.phase === "live") {
    return (
      <section class="card waiting">
        <h1>Between tracks</h1>
        <p>The next track shows here as it starts.</p>
      </section>
    );
  }
  return (
    <section class="card waiting">
      <h1>{joined ? "Waiting for the DJ" : "Finding the floor"}</h1>
      <p>{joined ? "This page comes alive by itself when the session starts." : "One moment…"}</p>
    </section>
  );
}

function Ended({ state }: { state: LiveState }) {
  // The socket answers an address that never was as it answers one that is over; only what is known tells them apart.
  if (state.djName === undefined && state.recent.length === 0) {
    return (
      <section class="card ended" data-testid="session-ended">
        <h1>Nobody is live here.</h1>
        <p>If a DJ starts at this address, this page comes alive by itself.</p>
        <Link to="/" class="button">
          To the live sessions
        </Link>
      </section>
    );
  }
  return (
    <section class="card ended" data-testid="session-ended">
      <h1>That was it.</h1>
      <p>
        {state.djName === undefined ? (
          "This session has ended."
        ) : (
          <>
            The session of <Said>{state.djName}</Said> has ended.
          </>
        )}{" "}
        If the DJ starts again, this page comes alive by itself.
      </p>
      <Link to={recapPath(state.sessionId)} class="button">
        See the recap
      </Link>
      <Link to="/" class="button plain">
        Other live sessions
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
