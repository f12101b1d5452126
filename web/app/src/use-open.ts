// The life of a client of a session, tied to the page that shows it and to the browser around it.

import { useEffect, useState } from "preact/hooks";

interface Client<S> {
  readonly current: S;
  watch(watcher: (state: S) => void): () => void;
  open(): void;
  wake(): void;
  close(): void;
}

/** Open for as long as it is shown; gives its state. */
export function useOpen<S>(client: Client<S>): S {
  const [state, setState] = useState(client.current);
  useEffect(() => {
    const unwatch = client.watch(setState);
    const deaf = listenToBrowser(client);
    client.open();
    return () => {
      deaf();
      unwatch();
      client.close();
    };
  }, [client]);
  return state;
}

function listenToBrowser(client: { wake(): void }): () => void {
  const wake = () => client.wake();
  const shown = () => document.visibilityState === "visible" && client.wake();
  window.addEventListener("online", wake);
  // Both losing and regaining the network are reasons to doubt a socket that looks open.
  window.addEventListener("offline", wake);
  window.addEventListener("pageshow", wake);
  document.addEventListener("visibilitychange", shown);
  return () => {
    window.removeEventListener("online", wake);
    window.removeEventListener("offline", wake);
    window.removeEventListener("pageshow", wake);
    document.removeEventListener("visibilitychange", shown);
  };
}
