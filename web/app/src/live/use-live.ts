// The ties between one client and the browser around it: its life, waking up, and what the REST routes add.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { LiveClient, type LiveState, type SnapshotTrack } from "@pika/client";
import { useServices, type Services } from "../services.ts";
import { useOpen } from "../use-open.ts";

// Totals of likes move slowly; a whole floor that asked at each track would ask at one instant.
const SNAPSHOT_EVERY_MS = 60_000;
const SNAPSHOT_SPREAD_MS = 15_000;
const AWAY_EVERY_MS = 30_000;
const AWAY_FIRST_MS = 5_000;

export function useLive(sessionId: string): { client: LiveClient; state: LiveState } {
  const services = useServices();
  const client = useMemo(
    () => new LiveClient({ url: services.socketUrl, sessionId, platform: services.platform }),
    [services, sessionId],
  );
  const state = useOpen(client);
  useSnapshots(client, state, services);
  useAwayWatch(client, state, services);
  return { client, state };
}

/** The evening so far: when the session is joined, and now and then with a new track. */
function useSnapshots(client: LiveClient, state: LiveState, { api, platform }: Services): void {
  const joined = state.connection.kind === "live";
  const head = state.recent[0]?.key;
  const askedAt = useRef<number | null>(null);
  useEffect(() => {
    if (!joined) return;
    const since = askedAt.current === null ? Infinity : platform.now() - askedAt.current;
    const wait =
      since === Infinity
        ? 0
        : Math.max(0, SNAPSHOT_EVERY_MS - since) + platform.random() * SNAPSHOT_SPREAD_MS;
    return platform.after(wait, () => {
      askedAt.current = platform.now();
      // A snapshot is a courtesy; without it the page still shows what it hears.
      evening(api, client.current.sessionId).then(
        ({ tracks, djName }) => client.seen(tracks, djName),
        () => {},
      );
    });
  }, [client, joined, head]);
}

/** The recap knows likes; a server that makes none for a running session still has the history. */
async function evening(
  api: Services["api"],
  sessionId: string,
): Promise<{ tracks: SnapshotTrack[]; djName?: string }> {
  const recap = await api.recap(sessionId);
  if (recap === null) return { tracks: await api.history(sessionId) };
  const tracks = recap.tracks.map(({ track, likes }) => ({ track, likes })).toReversed();
  return { tracks, djName: recap.djName };
}

/** No message says that the DJ lost the connection, but the session's invitation does. */
function useAwayWatch(client: LiveClient, state: LiveState, { api, platform }: Services): void {
  const watching = state.connection.kind === "live" && state.phase === "live";
  useEffect(() => {
    if (!watching) return;
    let cancel = () => {};
    let here = true;
    const look = async () => {
      if (document.visibilityState === "visible") {
        const found = await api.invitation(client.current.sessionId).catch(() => null);
        if (!here) return;
        if (found !== null) client.djAway(found.djAway);
      }
      cancel = platform.after(AWAY_EVERY_MS, () => void look());
    };
    cancel = platform.after(AWAY_FIRST_MS * (1 + platform.random()), () => void look());
    return () => {
      here = false;
      cancel();
    };
  }, [client, watching]);
}

/** The server's time, told again every `everyMs` while `running`. */
export function useServerTime(
  client: { serverNow(): number },
  running: boolean,
  everyMs: number,
): number {
  const { platform } = useServices();
  const [now, setNow] = useState(() => client.serverNow());
  useEffect(() => {
    if (!running) return;
    let cancel = () => {};
    const tick = () => {
      setNow(client.serverNow());
      cancel = platform.after(everyMs, tick);
    };
    tick();
    return () => cancel();
  }, [client, running, everyMs]);
  return now;
}
