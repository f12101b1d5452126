import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorBoundary } from "./error-boundary.tsx";
import { HomePage } from "./home.tsx";
import { JoinPage } from "./join.tsx";
import { LivePage } from "./live/live-page.tsx";
import { Link, Message } from "./parts.tsx";
import { routeOf, usePath } from "./route.ts";
import { ServicesContext, type Services } from "./services.ts";
import { home } from "./words/home.ts";
import { useLanguage, words } from "./words/language.ts";
import { shared } from "./words/shared.ts";

export function App({ services }: { services: Services }) {
  const path = usePath();
  useLanguage();
  return (
    <ServicesContext.Provider value={services}>
      <ErrorBoundary key={path} report={services.report}>
        <Page path={path} />
      </ErrorBoundary>
    </ServicesContext.Provider>
  );
}

function Page({ path }: { path: string }) {
  const route = routeOf(path);
  switch (route.page) {
    case "home":
      return <HomePage />;
    case "join":
      return <JoinPage code={route.code} />;
    case "live":
      return <LivePage sessionId={route.sessionId} />;
    case "recap":
      return <Later load={loadRecap} props={{ sessionId: route.sessionId }} />;
    case "projector":
      return <Later load={loadProjector} props={{ sessionId: route.sessionId }} />;
    case "dj":
      return <Later load={loadBooth} props={{}} />;
    case "likes":
      return <Later load={loadLikes} props={{}} />;
    case "account":
      return <Later load={loadAccount} props={{ part: route.part }} />;
    case "admin":
      return <Later load={loadAdmin} props={{ part: route.part }} />;
    case "profile":
      return <Later load={loadProfile} props={{ slug: route.slug }} />;
    case "stats":
      return <Later load={loadStats} props={{}} />;
    case "lost":
      return (
        <Message title={words(home).lostTitle}>
          <p>{words(home).lostHelp}</p>
          <Link to="/" class="button">
            {words(shared).toSessions}
          </Link>
        </Message>
      );
  }
}

type Loaded<P> = { default: ComponentType<P> };

/** What is not on a dancer's way in is loaded when it is wanted. */
function Later<P extends object>({ load, props }: { load: () => Promise<Loaded<P>>; props: P }) {
  const [Loaded, setLoaded] = useState<ComponentType<P> | "failed" | null>(null);
  useEffect(() => {
    load().then(
      (module) => setLoaded(() => module.default),
      () => setLoaded("failed"),
    );
  }, []);
  if (Loaded === "failed") {
    return (
      <Message title={words(shared).pageFailed}>
        <button type="button" class="button" onClick={() => location.reload()}>
          {words(shared).tryAgain}
        </button>
      </Message>
    );
  }
  if (Loaded === null) return <p class="loading">{words(shared).loading}</p>;
  return <Loaded {...props} />;
}

const loadRecap = () =>
  import("./recap/recap-page.tsx").then((module) => ({ default: module.RecapPage }));
const loadProjector = () =>
  import("./projector/projector-page.tsx").then((module) => ({ default: module.ProjectorPage }));
const loadBooth = () => import("./dj/dj-page.tsx").then((module) => ({ default: module.DjPage }));
const loadLikes = () =>
  import("./likes/likes-page.tsx").then((module) => ({ default: module.LikesPage }));
const loadAccount = () =>
  import("./account/account-page.tsx").then((module) => ({ default: module.AccountPage }));
const loadAdmin = () =>
  import("./admin/admin-page.tsx").then((module) => ({ default: module.AdminPage }));
const loadProfile = () =>
  import("./profile/profile-page.tsx").then((module) => ({ default: module.ProfilePage }));
const loadStats = () =>
  import("./profile/stats-page.tsx").then((module) => ({ default: module.StatsPage }));
