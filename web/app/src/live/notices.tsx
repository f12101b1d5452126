import { useEffect, useState } from "preact/hooks";
import type { LiveState } from "@pika/client";
import { useServices } from "../services.ts";
import { noticeWords } from "./sentences.ts";

const SHOWN_MS = 6_000;

/** Says what was asked for and did not happen. The region is always there: readers announce changes, not arrivals. */
export function Notices({ state: { notice } }: { state: LiveState }) {
  const { platform } = useServices();
  const [gone, setGone] = useState(0);
  const id = notice?.id ?? 0;
  useEffect(() => {
    if (id === 0) return;
    return platform.after(SHOWN_MS, () => setGone(id));
  }, [id, platform]);
  const shown = notice !== undefined && gone < id;
  return (
    <div class="notices" role="status">
      {shown && <p class="notice">{noticeWords(notice.about, notice.words)}</p>}
    </div>
  );
}
