import { useState } from "preact/hooks";
import type { LiveClient, LiveState } from "@pika/client";
import { Said } from "../parts.tsx";
import { timeOf } from "../times.ts";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";
import { useServerTime } from "./use-live.ts";

/** The DJ's word to all. It goes at its end time by the server's clock, or when it was read and put away. */
export function AnnouncementBanner({ client, state }: { client: LiveClient; state: LiveState }) {
  const { announcement } = state;
  const [read, setRead] = useState<number | null>(null);
  const now = useServerTime(client, announcement?.endsAt !== undefined, 1_000);
  if (announcement === undefined || announcement.timestamp === read) return null;
  if (announcement.endsAt !== undefined && announcement.endsAt <= now) return null;
  const say = words(live);
  return (
    <aside class="announcement" data-testid="announcement" aria-label={say.announcement}>
      <p class="announcement-words">
        <Said>{announcement.message}</Said>
      </p>
      <p class="announcement-end">
        {announcement.djName !== undefined && <Said>{announcement.djName}</Said>}
        {announcement.endsAt !== undefined && (
          <>
            {announcement.djName !== undefined && " · "}
            {say.until}{" "}
            <time dateTime={new Date(announcement.endsAt).toISOString()}>
              {timeOf(announcement.endsAt)}
            </time>
          </>
        )}
      </p>
      <button
        type="button"
        class="put-away"
        aria-label={say.putAnnouncementAway}
        onClick={() => setRead(announcement.timestamp)}
      >
        <span aria-hidden="true">×</span>
      </button>
    </aside>
  );
}
