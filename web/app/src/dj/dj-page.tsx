// The DJ's page: the doorstep, then the console of one's own session.

import { useEffect, useState } from "preact/hooks";
import { fromRemoteLink, keepSession, keptSession, type OwnSession } from "@pika/client/dj";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import { Console } from "./console.tsx";
import { Doorstep } from "./doorstep.tsx";
import "../styles/crowd.css";
import "../styles/dj.css";

export function DjPage() {
  const { platform } = useServices();
  const title = `${words(area).title} · Pika`;
  useEffect(() => void (document.title = title), [title]);
  const [session, setSession] = useState<OwnSession | null>(() => {
    const remote = fromRemoteLink(location.hash);
    if (remote === null) return null;
    keepSession(platform.storage, remote);
    return remote;
  });
  // The secret must not stand in the address, where it is read over a shoulder and kept by the history.
  useEffect(() => {
    if (location.hash !== "") history.replaceState(null, "", location.pathname);
  }, []);

  const enter = (next: OwnSession | null) => {
    keepSession(platform.storage, next);
    setSession(next);
  };
  // A reload is no reason to ask: whoever was in the middle of an evening goes on with it.
  const [kept, setKept] = useState(() => keptSession(platform.storage));
  const current = session ?? kept;
  if (current === null) return <Doorstep enter={enter} />;
  return (
    <Console
      key={current.ownerToken}
      session={current}
      leave={() => {
        setKept(null);
        enter(null);
      }}
    />
  );
}
