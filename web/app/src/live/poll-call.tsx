// A poll comes in below all that is pressed on a first screen, so that nothing moves under a thumb; whoever does not see
// it there is called to it.

import { useEffect, useState } from "preact/hooks";
import { isOver, type Poll } from "@pika/client";
import { Said } from "../parts.tsx";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";

/** What must stand above the foot of the window before a poll counts as seen, in pixels: its head and first words. */
const SEEN = 120;

export interface PollPlace {
  card: HTMLElement | null;
  setCard: (card: HTMLElement | null) => void;
  seen: boolean;
}

export function usePollPlace(): PollPlace {
  const [card, setCard] = useState<HTMLElement | null>(null);
  const [seen, setSeen] = useState(true);
  useEffect(() => {
    // A browser that cannot tell calls nobody: the poll is still there to be scrolled to.
    if (card === null || !("IntersectionObserver" in window)) return;
    const observer = new IntersectionObserver(
      (entries) => setSeen(entries.at(-1)?.isIntersecting !== false),
      { rootMargin: `0px 0px -${SEEN}px 0px` },
    );
    observer.observe(card);
    return () => {
      observer.disconnect();
      setSeen(true);
    };
  }, [card]);
  return { card, setCard, seen };
}

export function PollCall({ poll, place }: { poll: Poll | undefined; place: PollPlace }) {
  const { card, seen } = place;
  if (poll === undefined || card === null || seen) return null;
  const say = words(live);
  const title = isOver(poll) ? say.pollResult : say.poll;
  const go = () => {
    card.scrollIntoView({ block: "center" });
    card.focus({ preventScroll: true });
  };
  return (
    <aside class="poll-call" aria-label={title}>
      <button type="button" data-testid="poll-call" onClick={go}>
        <span class="kicker">{title}</span> <Said>{poll.question}</Said>{" "}
        <span aria-hidden="true">↓</span>
      </button>
    </aside>
  );
}
