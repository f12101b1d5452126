import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { DjClient, type DjState, type OwnSession } from "@pika/client/dj";
import type { RecapTrack } from "../api.ts";
import { useServices } from "../services.ts";
import { useOpen } from "../use-open.ts";

// Likes that came while the console was away are in the recap; it is asked for at each return and now and then.
const SNAPSHOT_MS = 60_000;
// The likes of the last minute fall although nobody says so.
const LOOK_MS = 5_000;

export function useDj(session: OwnSession): { client: DjClient; state: DjState } {
  const { platform, socketUrl, api } = useServices();
  const client = useMemo(
    () => new DjClient({ url: socketUrl, session, platform }),
    [platform, socketUrl, session],
  );
  const state = useOpen(client);

  const joined = state.floor.connection.kind === "live";
  useEffect(() => {
    if (!joined) return;
    let cancel = () => {};
    let here = true;
    const look = async () => {
      const recap = await api.recap(session.sessionId).catch(() => null);
      if (!here) return;
      if (recap !== null) {
        client.seen(recap.tracks.map(({ track, likes }) => ({ track, likes })).toReversed());
        client.recall(recap.tracks.flatMap(taken));
      }
      cancel = platform.after(SNAPSHOT_MS, () => void look());
    };
    void look();
    return () => {
      here = false;
      cancel();
    };
  }, [joined, client, api, platform, session]);

  useEffect(() => {
    let cancel = () => {};
    const tick = () => {
      client.refresh();
      cancel = platform.after(LOOK_MS, tick);
    };
    cancel = platform.after(LOOK_MS, tick);
    return () => cancel();
  }, [client, platform]);
  return { client, state };
}

function taken({ playedAt, likes, tempo }: RecapTrack) {
  if (playedAt === undefined) return [];
  const wishes = tempo === undefined ? 0 : tempo.slower + tempo.perfect + tempo.faster;
  const leaning = tempo === undefined || wishes === 0 ? 0 : (tempo.faster - tempo.slower) / wishes;
  return [{ at: playedAt, likes, tempo: leaning }];
}

/** Asks the floor something, and keeps why it did not go through until the next try. */
export function useAsk(): {
  ask: (wish: () => Promise<void>) => Promise<boolean>;
  failure: string;
} {
  const [failure, setFailure] = useState("");
  const here = useRef(true);
  useEffect(() => () => void (here.current = false), []);
  const ask = async (wish: () => Promise<void>) => {
    setFailure("");
    try {
      await wish();
      return true;
    } catch (error) {
      if (here.current) setFailure(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
  return { ask, failure };
}
