import { useEffect, useState } from "preact/hooks";
import type { LiveSession } from "./api.ts";
import { CodeForm } from "./code-form.tsx";
import { Bolt, Heading, Link, People, Said, vars } from "./parts.tsx";
import { useOnline } from "./online.ts";
import { livePath } from "./route.ts";
import { useServices } from "./services.ts";
import { foot } from "./words/foot.ts";
import { home } from "./words/home.ts";
import { words } from "./words/language.ts";
import { LanguageSwitch } from "./language-switch.tsx";

// As often as today's page asks; the server caches the answer for about as long.
const REFRESH_MS = 30_000;

export function HomePage() {
  const { sessions, failed } = useActiveSessions();
  const online = useOnline();
  useEffect(() => void (document.title = "Pika"), []);
  const say = words(home);
  const only = sessions?.length === 1 ? sessions[0] : undefined;
  return (
    <div class="home">
      <header class="home-head">
        <p class="wordmark">
          <Bolt /> Pika
        </p>
        <Heading>{say.heading}</Heading>
        <p class="lead">{say.lead}</p>
      </header>
      <main>
        {only !== undefined && <OnlySession session={only} />}
        {sessions !== null && sessions.length > 1 && <SessionList sessions={sessions} />}
        {sessions?.length === 0 && <p class="quiet">{say.nobody}</p>}
        {sessions === null && !failed && <p class="quiet">{say.looking}</p>}
        {failed && online && <p class="quiet">{say.unreachable}</p>}
        {failed && !online && <Offline />}
        <CodeForm />
      </main>
      <footer class="home-foot">
        <nav class="home-links" aria-label={say.links}>
          <Link to="/likes">{say.myLikes}</Link>
          <Link to="/dj">{say.forDjs}</Link>
          <Link to="/stats">{words(foot).stats}</Link>
          <Link to="/account">{words(foot).account}</Link>
        </nav>
        <LanguageSwitch />
      </footer>
    </div>
  );
}

/** What an installed Pika shows without a network. */
function Offline() {
  const say = words(home);
  return (
    <section class="card offline" data-testid="offline">
      <h2>{say.offlineTitle}</h2>
      <p>{say.offlineHelp}</p>
    </section>
  );
}

function useActiveSessions() {
  const { api, platform } = useServices();
  const [sessions, setSessions] = useState<LiveSession[] | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let cancel = () => {};
    let here = true;
    const look = async () => {
      const found = await api.active().catch(() => null);
      if (!here) return;
      // A list that could not be refreshed stays: it is more likely right than an empty page.
      if (found !== null) setSessions(found);
      setFailed(found === null);
      cancel();
      cancel = platform.after(REFRESH_MS, () => void look());
    };
    const again = () => void look();
    window.addEventListener("online", again);
    again();
    return () => {
      here = false;
      window.removeEventListener("online", again);
      cancel();
    };
  }, [api, platform]);
  return { sessions, failed };
}

function OnlySession({ session }: { session: LiveSession }) {
  return (
    <Link to={livePath(session.sessionId)} class="only">
      <span class="kicker">
        <span class="live-dot" aria-hidden="true" /> {words(home).liveNow}
      </span>
      <strong class="only-dj">
        <Said>{session.djName}</Said>
      </strong>
      <Playing session={session} />
      <Facts session={session} />
      <span class="only-go">{words(home).join}</span>
    </Link>
  );
}

function SessionList({ sessions }: { sessions: readonly LiveSession[] }) {
  return (
    <section aria-labelledby="live-now">
      <h2 id="live-now">{words(home).liveNow}</h2>
      <ul class="sessions">
        {sessions.map((session) => (
          <li key={session.sessionId}>
            <Link to={livePath(session.sessionId)} class="session">
              <strong>
                <Said>{session.djName}</Said>
              </strong>
              <Playing session={session} />
              <Facts session={session} />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Playing({ session: { currentTrack } }: { session: LiveSession }) {
  if (currentTrack === undefined) return <span class="playing none">{words(home).between}</span>;
  return (
    <span class="playing">
      <Said>{currentTrack.title}</Said> · <Said>{currentTrack.artist}</Said>
    </span>
  );
}

function Facts({ session }: { session: LiveSession }) {
  return (
    <span class="facts">
      <People /> {words(home).dancers(session.listenerCount)}
      {session.momentum > 0 && (
        <span class="momentum" style={vars({ share: session.momentum })} aria-hidden="true" />
      )}
    </span>
  );
}
