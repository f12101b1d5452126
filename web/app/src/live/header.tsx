import { queuedLikes, type LiveClient, type LiveState } from "@pika/client";
import { Bolt, Link, People, Said } from "../parts.tsx";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";
import { shared } from "../words/shared.ts";
import { connectionWords, refusedWords } from "./sentences.ts";
import { useOnline } from "../online.ts";

export function LiveHeader({ client, state }: { client: LiveClient; state: LiveState }) {
  const { connection } = state;
  const say = words(live);
  return (
    <header class="live-head">
      <div class="live-bar">
        <Link to="/" class="home-link">
          <Bolt />
          <span class="unseen">{say.allSessions}</span>
        </Link>
        <p class="dj">{state.djName === undefined ? "Pika" : <Said>{state.djName}</Said>}</p>
        {state.listeners !== undefined && state.phase !== "ended" && (
          <p class="listeners">
            <People />
            <span data-testid="listener-count">{state.listeners}</span>
            <span class="unseen">{say.dancersHere(state.listeners)}</span>
          </p>
        )}
        <ConnectionPill state={state} />
      </div>
      {connection.kind === "refused" && (
        <div class="strip wrong" role="alert">
          <p>{refusedWords(connection)}</p>
          <button type="button" class="button small" onClick={() => client.open()}>
            {words(shared).tryAgain}
          </button>
        </div>
      )}
    </header>
  );
}

/**
 * Who lost the connection: this phone, the way to the server, or the DJ.
 */
export function Trouble({ state }: { state: LiveState }) {
  const online = useOnline();
  const say = words(live);
  const lost = state.connection.kind === "reconnecting";
  const kind = lost ? (online ? "server" : "offline") : state.djAway ? "dj" : undefined;
  const sentence = { server: say.serverAway, offline: say.youAreOffline, dj: say.djAway };
  return (
    <div class="trouble" role="status" data-testid="trouble" data-kind={kind ?? "none"}>
      {kind !== undefined && <p>{sentence[kind]}</p>}
    </div>
  );
}

function ConnectionPill({ state }: { state: LiveState }) {
  const online = useOnline();
  const queued = queuedLikes(state);
  const { kind } = state.connection;
  const shown = kind === "reconnecting" && !online ? "offline" : kind;
  return (
    <p
      class="pill"
      role="status"
      data-testid="connection-state"
      data-state={shown}
      data-phase={state.phase}
      data-queued={queued > 0}
    >
      <span class="pill-dot" aria-hidden="true" />
      {connectionWords(state, online)}
      {queued > 0 && <span class="pill-more">{` · ${words(live).likesWaiting(queued)}`}</span>}
    </p>
  );
}
