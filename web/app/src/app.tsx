import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { HomePage } from "./home.tsx";
import { JoinPage } from "./join.tsx";
import { LivePage } from "./live/live-page.tsx";
import { Link, Message } from "./parts.tsx";
import { routeOf, usePath } from "./route.ts";
import { ServicesContext, type Services } from "./services.ts";
import { home } from "./words/home.ts";
import { useLanguage, words } from "./words/language.ts";
import { recap } from "./words/recap.ts";
import { shared } from "./words/shared.ts";

export function App({ services }: { services: Services }) {
  const path = usePath();
  useLanguage();
  return (
    <ServicesContext.Provider value={services}>
      <Page key={path} path={path} />
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
      return <LaterRecapPage sessionId={route.sessionId} />;
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

/** The recap is read after the dance: its code is loaded when it is wanted, not on the way in. */
function LaterRecapPage({ sessionId }: { sessionId: string }) {
  const [Recap, setRecap] = useState<ComponentType<{ sessionId: string }> | "failed" | null>(null);
  useEffect(() => {
    import("./recap/recap-page.tsx").then(
      (module) => setRecap(() => module.RecapPage),
      () => setRecap("failed"),
    );
  }, []);
  if (Recap === "failed") {
    return (
      <Message title={words(recap).failedTitle}>
        <button type="button" class="button" onClick={() => location.reload()}>
          {words(shared).tryAgain}
        </button>
      </Message>
    );
  }
  return Recap === null ? (
    <p class="loading">{words(recap).loading}</p>
  ) : (
    <Recap sessionId={sessionId} />
  );
}
