import type { LiveState } from "@pika/client";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";
import { useEffect, useRef, useState } from "preact/hooks";

/** Tells a screen reader what changed, in one sentence, instead of reading the page again. */
export function Spoken({ state }: { state: LiveState }) {
  const [sentence, setSentence] = useState("");
  const before = useRef(state);
  useEffect(() => {
    const said = changeWords(before.current, state);
    before.current = state;
    if (said !== undefined) setSentence(said);
  }, [state]);
  return (
    <p class="unseen" role="status" aria-live="polite" data-testid="spoken">
      {sentence}
    </p>
  );
}

export function changeWords(before: LiveState, now: LiveState): string | undefined {
  const say = words(live).said;
  if (now.phase === "ended" && before.phase !== "ended") return say.ended;
  if (
    now.announcement !== undefined &&
    now.announcement.timestamp !== before.announcement?.timestamp
  ) {
    return say.announcement(now.announcement.message);
  }
  const { poll } = now;
  if (poll !== undefined && poll.pollId !== before.poll?.pollId && poll.winnerIndex === undefined) {
    return say.poll(poll.question);
  }
  if (poll?.winnerIndex !== undefined && before.poll?.winnerIndex === undefined) {
    const winner = poll.options[poll.winnerIndex];
    return winner === undefined ? say.pollNone : say.pollWon(winner);
  }
  if (now.track !== undefined && now.recent[0]?.key !== before.recent[0]?.key) {
    return say.playing(now.track.title, now.track.artist);
  }
  return undefined;
}
