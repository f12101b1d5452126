import { useState } from "preact/hooks";
import { isOver, type LiveClient, type Poll, type Vote } from "@pika/client";
import { Said, vars } from "../parts.tsx";
import { clock } from "../times.ts";
import { words } from "../words/language.ts";
import { live } from "../words/live.ts";
import type { PollPlace } from "./poll-call.tsx";
import { lockedByReason, voteWords } from "./sentences.ts";
import { useServerTime } from "./use-live.ts";

interface PollCardProps {
  client: LiveClient;
  poll: Poll;
  vote: Vote | undefined;
  place: PollPlace;
}

export function PollCard({ client, poll, vote, place }: PollCardProps) {
  const [put, setPut] = useState(false);
  const say = words(live);
  const over = isOver(poll);
  const timed = !over && poll.endsAt !== undefined;
  const now = useServerTime(client, timed, 250);
  const left = timed ? (poll.endsAt ?? 0) - now : Infinity;
  if (over && put) return null;

  const counting = !over && left <= 0;
  const hidden = !over && poll.hideResults === true;
  // What others chose is shown to whoever has chosen, so that nobody follows the crowd.
  const shown = over || (!hidden && (vote?.counted !== undefined || lockedByReason(vote)));
  const locked = over || counting || lockedByReason(vote) || (hasVoted(vote) && !poll.allowChange);
  return (
    <section
      class={over ? "card poll over" : "card poll"}
      ref={place.setCard}
      tabIndex={-1}
      data-testid="poll"
      aria-labelledby="poll-question"
    >
      <div class="poll-head">
        <p class="kicker">{over ? say.pollResult : say.poll}</p>
        {timed && (
          <p
            class="countdown"
            role="timer"
            data-testid="poll-countdown"
            data-urgent={left <= 10_000}
          >
            <span class="unseen">{say.timeLeft} </span>
            {clock(left)}
          </p>
        )}
      </div>
      <h2 id="poll-question">
        <Said>{poll.question}</Said>
      </h2>
      {over && <Result poll={poll} />}
      <ul class="options">
        {poll.options.map((option, i) => (
          // Options have no identity but their place; they never move.
          <li key={i}>
            <Option
              place={i}
              option={option}
              poll={poll}
              own={vote?.optionIndex === i}
              shown={shown}
              locked={locked}
              choose={() => client.vote(i)}
            />
          </li>
        ))}
      </ul>
      <p class="vote-words" role="status" data-standing={vote?.standing ?? "none"}>
        {vote === undefined || (over && vote.standing === "counted")
          ? ""
          : voteWords(vote, poll.options)}
      </p>
      <p class="hint">
        {hidden ? say.hiddenToTheEnd : say.votes(poll.totalVotes)}
        {counting && ` · ${say.counting}`}
        {!locked &&
          vote === undefined &&
          ` · ${say.tapToVote}${hidden ? "" : `: ${say.hiddenResults}`}`}
        {!locked && vote !== undefined && poll.allowChange && ` · ${say.mayChange}`}
      </p>
      {over && (
        <button type="button" class="button plain small" onClick={() => setPut(true)}>
          {say.putAway}
        </button>
      )}
    </section>
  );
}

function hasVoted(vote: Vote | undefined): boolean {
  if (vote === undefined) return false;
  return vote.counted !== undefined || vote.standing === "sending" || vote.standing === "stored";
}

interface OptionProps {
  place: number;
  option: string;
  poll: Poll;
  own: boolean;
  shown: boolean;
  locked: boolean;
  choose: () => void;
}

/** A locked option keeps its place in the tab order: one who just tapped it must not lose the focus. */
function Option({ place, option, poll, own, shown, locked, choose }: OptionProps) {
  const say = words(live);
  const votes = poll.votes[place] ?? 0;
  const share = poll.totalVotes === 0 ? 0 : votes / poll.totalVotes;
  const percent = `${Math.round(share * 100)} %`;
  return (
    <button
      type="button"
      class={poll.winnerIndex === place ? "option winner" : "option"}
      data-testid={`poll-option-${place}`}
      aria-pressed={own}
      aria-disabled={locked}
      style={vars({ share: shown ? share : 0 })}
      onClick={() => !locked && choose()}
    >
      <span class="option-words">
        <Said>{option}</Said>
        {own && <> </>}
        {own && <span class="own">{say.yourVote}</span>}
      </span>
      {shown && <span class="unseen">, {say.votes(votes)}, </span>}
      {shown && <span class="option-share">{percent}</span>}
    </button>
  );
}

function Result({ poll }: { poll: Poll }) {
  const say = words(live);
  const winner = poll.options[poll.winnerIndex ?? -1];
  return (
    <p class="result" data-testid="poll-result">
      {winner === undefined ? say.noResult : say.wins(<Said>{winner}</Said>)}
    </p>
  );
}
