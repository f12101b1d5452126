// What lets a page stand on a wall for a night with nobody near it.

import { useEffect, useRef, useState } from "preact/hooks";
import type { LiveClient, LiveState } from "@pika/client";
import type { Invitation } from "../api.ts";
import { useServices } from "../services.ts";

const INVITE_MS = 60_000;
const AGAIN_MS = 30_000;

/** Keeps the screen on. The browser lets go whenever the page is hidden, so it is asked again each time it is seen. */
export function useWakeLock(): void {
  useEffect(() => {
    let here = true;
    let lock: WakeLockSentinel | undefined;
    const hold = async () => {
      if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
      // Refused on a weak battery; then the screen's own setting rules.
      const got = await navigator.wakeLock.request("screen").catch(() => undefined);
      if (here) lock = got;
      else void got?.release();
    };
    void hold();
    document.addEventListener("visibilitychange", hold);
    return () => {
      here = false;
      document.removeEventListener("visibilitychange", hold);
      void lock?.release();
    };
  }, []);
}

/** A dancer is asked before trying again; on a wall nobody answers. */
export function useComesBack(client: LiveClient, state: LiveState): void {
  const { platform } = useServices();
  const refused = state.connection.kind === "refused";
  useEffect(() => {
    if (!refused) return;
    return platform.after(AGAIN_MS * (1 + platform.random()), () => client.open());
  }, [refused, client, platform]);
}

/** How to join, asked again now and then: the next evening under the same id has another code. */
export function useInvitation(state: LiveState): Invitation | null {
  const { api, platform } = useServices();
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const { sessionId, phase, startedAt, connection } = state;
  useEffect(() => {
    let cancel = () => {};
    let here = true;
    const look = async () => {
      const found = await api.invitation(sessionId).catch(() => undefined);
      if (!here) return;
      // Unknown is not gone: what was shown stays.
      if (found !== undefined) setInvitation(found);
      cancel = platform.after(INVITE_MS, () => void look());
    };
    void look();
    return () => {
      here = false;
      cancel();
    };
  }, [api, platform, sessionId, phase, startedAt, connection.kind]);
  return invitation;
}

const RESULTS = "pika.projector.results";
export type Results = "end" | "live";

const CHOSEN = "pika:results";

/**
 * Whether tallies are shown while a poll is open. The address may say so (`?results=live`), for a wall that another
 * browser draws; what a console in the same browser chooses from then on counts more.
 */
export function useResults(): Results {
  const chosenHere = useChosen();
  const [asked, setAsked] = useState(
    () => new URLSearchParams(location.search).get("results") === "live",
  );
  const first = useRef(chosenHere);
  useEffect(() => {
    if (chosenHere === first.current) return;
    first.current = chosenHere;
    setAsked(false);
    // Opened anew it shows the same.
    history.replaceState(null, "", location.pathname);
  }, [chosenHere]);
  return asked ? "live" : chosenHere;
}

/** What the console of this browser chose, in this tab or another one. */
export function useChosen(): Results {
  const { platform } = useServices();
  const [results, setResults] = useState<Results>(() => chosen(platform.storage));
  useEffect(() => {
    const follow = () => setResults(chosen(platform.storage));
    window.addEventListener("storage", follow);
    window.addEventListener(CHOSEN, follow);
    return () => {
      window.removeEventListener("storage", follow);
      window.removeEventListener(CHOSEN, follow);
    };
  }, [platform]);
  return results;
}

type Stored = { get(key: string): string | null; set(key: string, value: string): void };

function chosen(storage: Stored): Results {
  return storage.get(RESULTS) === "live" ? "live" : "end";
}

export function choose(storage: Stored, results: Results): void {
  storage.set(RESULTS, results);
  window.dispatchEvent(new Event(CHOSEN));
}
