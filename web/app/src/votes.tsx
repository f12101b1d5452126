import type { Poll } from "@pika/client";
import { Said, vars } from "./parts.tsx";

type Counted = Pick<Poll, "options" | "votes" | "totalVotes" | "winnerIndex">;

/** How the votes of a poll stand, for whoever does not vote. */
export function Votes({ poll }: { poll: Counted }) {
  return (
    <ul class="options">
      {poll.options.map((option, i) => {
        const votes = poll.votes[i] ?? 0;
        const share = poll.totalVotes === 0 ? 0 : votes / poll.totalVotes;
        return (
          <li
            key={i}
            class={poll.winnerIndex === i ? "option winner" : "option"}
            style={vars({ share })}
          >
            <span class="option-words">
              <Said>{option}</Said>
            </span>
            <span class="option-share">{votes}</span>
          </li>
        );
      })}
    </ul>
  );
}
