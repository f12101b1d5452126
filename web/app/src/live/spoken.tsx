import type { LiveState } from "@pika/client";
import { useEffect, useRef, useState } from "preact/hooks";

/** Tells a screen reader what changed, in one sentence, instead of reading the page again. */
export function Spoken({ state }: { state: LiveState }) {
  const [words, setWords] = useState("");
  const before = useRef(state);
  useEffect(() => {
    const said = changeWords(before.current, state);
    before.current = state;
    if (said !== undefined) setWords(said);
  }, [state]);
  return (
    <p class="unseen" role="status" aria-live="polite" data-testid="spoken">
      {words}
    </p>
  );
}

export function changeWords(before: LiveState, now: LiveState): string | undefined {
  if (now.phase === "ended" && before.phase !== "ended") return "The session has ended.";
  if (
    now.announcement !== undefined &&
    now.announcement.timestamp !== before.announcement?.timestamp
  ) {
    return `Announcement: ${now.announcement.message}`;
  }
  const { poll } = now;
  if (poll !== undefined && poll.pollId !== before.poll?.pollId && poll.winnerIndex === undefined) {
    return `New poll: ${poll.question}`;
  }
  if (poll?.winnerIndex !== undefined && before.poll?.winnerIndex === undefined) {
    const winner = poll.options[poll.winnerIndex];
    return winner === undefined
      ? "The poll ended without a result."
      : `The poll is over: ${winner} wins.`;
  }
  if (now.track !== undefined && now.recent[0]?.key !== before.recent[0]?.key) {
    return `Now playing: ${now.track.title} by ${now.track.artist}`;
  }
  return undefined;
}
