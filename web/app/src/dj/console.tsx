// The console: a remote on a phone, a desk on a laptop.

import { useEffect, useRef, useState } from "preact/hooks";
import type { DjClient, DjState, OwnSession } from "@pika/client/dj";
import { useOnline } from "../online.ts";
import { Bolt, Heading, Link, Said } from "../parts.tsx";
import { recapPath } from "../route.ts";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import { Announce } from "./announce.tsx";
import { CrowdPanel } from "./crowd.tsx";
import { Ending } from "./ending.tsx";
import { reasonWords } from "./failure.tsx";
import { Invite } from "./invite.tsx";
import { Playing } from "./playing.tsx";
import { PollPanel } from "./poll-panel.tsx";
import { Tracks } from "./tracks.tsx";
import { useDj } from "./use-dj.ts";

export interface PanelProps {
  client: DjClient;
  state: DjState;
}

interface ConsoleProps {
  session: OwnSession;
  leave: () => void;
}

export function Console({ session, leave }: ConsoleProps) {
  const { client, state } = useDj(session);
  const start = useRef<HTMLElement>(null);
  useEffect(() => start.current?.focus({ preventScroll: true }), []);
  const over = state.floor.phase === "ended";
  return (
    <div class="desk" data-stale={!over && state.floor.connection.kind !== "live"}>
      <Head session={session} state={state} leave={leave} />
      <main class="desk-main" ref={start} tabIndex={-1}>
        {over ? (
          <Over session={session} leave={leave} />
        ) : (
          <>
            <div class="desk-column">
              <Playing client={client} state={state} />
              <Tracks client={client} state={state} />
            </div>
            <div class="desk-column">
              <CrowdPanel client={client} state={state} />
              <PollPanel client={client} state={state} />
              <Announce client={client} state={state} />
            </div>
            <div class="desk-column">
              <Invite session={session} />
              <Ending client={client} state={state} />
            </div>
          </>
        )}
      </main>
    </div>
  );
}

function Head({ session, state, leave }: ConsoleProps & { state: DjState }) {
  const say = words(area);
  const { connection } = state.floor;
  const waiting = state.waiting.length;
  return (
    <header class="desk-head">
      <div class="live-bar">
        <Link to="/" class="home-link">
          <Bolt />
          <span class="unseen">Pika</span>
        </Link>
        <h1 class="dj">
          <Said>{state.floor.djName ?? session.djName}</Said>
        </h1>
        <Pill state={state} />
      </div>
      {connection.kind === "refused" && (
        <div class="strip wrong" role="alert">
          <p>
            {say.refused}
            {connection.error !== undefined && `: ${reasonWords(connection.error)}`}
          </p>
          <button type="button" class="button small" onClick={leave}>
            {say.leave}
          </button>
        </div>
      )}
      {/* Always there, so that a reader hears it change and nothing below it moves. */}
      <div class="desk-waiting" role="status" data-testid="dj-waiting" data-waiting={waiting}>
        {waiting > 0 && connection.kind !== "live" && (
          <p>
            <strong>{say.waiting(waiting)}</strong> · {say.waitingHelp}
          </p>
        )}
        {state.refusal !== undefined && (
          <p key={state.refusal.id} class="wrong">
            {say.refusedWord(reasonWords(state.refusal.words))}
          </p>
        )}
      </div>
    </header>
  );
}

function Pill({ state }: { state: DjState }) {
  const say = words(area);
  const online = useOnline();
  const { kind } = state.floor.connection;
  const sentence =
    kind === "live"
      ? say.live
      : kind === "reconnecting"
        ? online
          ? say.reconnecting
          : say.offline
        : say.connecting;
  return (
    <p
      class="pill"
      role="status"
      data-testid="connection-state"
      data-state={kind}
      data-phase={state.floor.phase}
    >
      <span class="pill-dot" aria-hidden="true" />
      {sentence}
    </p>
  );
}

function Over({ session, leave }: ConsoleProps) {
  const { api } = useServices();
  const say = words(area);
  const [slug, setSlug] = useState<string>();
  // Only a DJ with an account has a page; the recap knows whose evening it was.
  useEffect(() => {
    void api.recap(session.sessionId).then(
      (recap) => setSlug(recap?.djSlug),
      () => {},
    );
  }, [api, session]);
  return (
    <section class="card ended" data-testid="session-ended">
      <Heading>{say.overTitle}</Heading>
      <p>{say.overHelp}</p>
      <Link to={recapPath(session.sessionId)} class="button">
        {say.recap}
      </Link>
      {slug !== undefined && (
        // A page of its own: its policy lets pictures of other hosts in.
        <a href={`/dj/${encodeURIComponent(slug)}`} class="button plain">
          {say.ownPage}
        </a>
      )}
      <button type="button" class="button plain" onClick={leave}>
        {say.again}
      </button>
    </section>
  );
}
