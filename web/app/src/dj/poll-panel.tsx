import type { TargetedSubmitEvent } from "preact";
import { useId, useState } from "preact/hooks";
import { isOver, type Poll } from "@pika/client";
import type { DjClient } from "@pika/client/dj";
import { useServerTime } from "../live/use-live.ts";
import { Said } from "../parts.tsx";
import { choose, useChosen } from "../projector/unattended.ts";
import { useServices } from "../services.ts";
import { clock } from "../times.ts";
import { Votes } from "../votes.tsx";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import type { PanelProps } from "./console.tsx";
import { Failure } from "./failure.tsx";
import { useAsk } from "./use-dj.ts";

const DURATIONS = [30, 60, 120, 300] as const;
const MOST_OPTIONS = 10;
const HIDES = "pika.dj.hides-results";

export function PollPanel({ client, state }: PanelProps) {
  const say = words(area);
  const { poll } = state.floor;
  const [put, setPut] = useState<number | null>(null);
  // The question of the poll that was to hide its results.
  const [secret, setSecret] = useState<string>();
  const shown = poll !== undefined && poll.pollId !== put ? poll : undefined;
  return (
    <section class="card desk-panel" aria-labelledby="dj-poll">
      <h2 id="dj-poll">{say.poll}</h2>
      {shown === undefined ? (
        <Compose client={client} keepSecret={setSecret} />
      ) : (
        <Running
          client={client}
          poll={shown}
          told={shown.hideResults !== true && shown.question === secret}
          put={() => setPut(shown.pollId)}
        />
      )}
      <Reveal />
    </section>
  );
}

/** Whether the wall shows how the votes stand while people still vote. */
function Reveal() {
  const { platform } = useServices();
  const say = words(area);
  const live = useChosen() === "live";
  return (
    <label class="desk-check">
      <input
        type="checkbox"
        checked={live}
        onChange={(event) => choose(platform.storage, event.currentTarget.checked ? "live" : "end")}
      />
      <span>
        {say.reveal}
        <small class="hint">{say.revealHelp}</small>
      </span>
    </label>
  );
}

interface RunningProps {
  client: DjClient;
  poll: Poll;
  /** Everybody hears what only the DJ was to see: servers of before know no such poll. */
  told: boolean;
  put: () => void;
}

function Running({ client, poll, told, put }: RunningProps) {
  const say = words(area);
  const { ask, failure } = useAsk();
  const over = isOver(poll);
  const timed = !over && poll.endsAt !== undefined;
  const now = useServerTime(client, timed, 500);
  const winner = poll.options[poll.winnerIndex ?? -1];
  return (
    <div class="poll desk-poll" data-testid="dj-poll-running">
      <div class="poll-head">
        <p class="desk-question">
          <Said>{poll.question}</Said>
        </p>
        {timed && <p class="countdown">{clock((poll.endsAt ?? 0) - now)}</p>}
      </div>
      <Votes poll={poll} />
      <p class="hint" role="status">
        {say.votes(poll.totalVotes)}
        {over && <> · {winner === undefined ? say.noResult : say.wins(<Said>{winner}</Said>)}</>}
        {!over && poll.hideResults === true && ` · ${say.onlyYou}`}
      </p>
      {told && !over && (
        <p class="hint wrong" role="alert">
          {say.notHidden}
        </p>
      )}
      <Failure words={failure} />
      <div class="desk-row">
        {over ? (
          <button type="button" class="button small" onClick={put}>
            {say.newPoll}
          </button>
        ) : (
          <>
            <button
              type="button"
              class="button small"
              onClick={() => void ask(() => client.endPoll(poll.pollId))}
            >
              {say.endPoll}
            </button>
            <button
              type="button"
              class="button plain small"
              title={say.cancelHelp}
              onClick={() => void ask(() => client.cancelPoll(poll.pollId))}
            >
              {say.cancelPoll}
            </button>
          </>
        )}
      </div>
    </div>
  );
}

interface ComposeProps {
  client: DjClient;
  keepSecret: (question: string | undefined) => void;
}

function Compose({ client, keepSecret }: ComposeProps) {
  const say = words(area);
  const { ask, failure } = useAsk();
  const [question, setQuestion] = useState("");
  const [options, setOptions] = useState<readonly string[]>(["", ""]);
  const [seconds, setSeconds] = useState<number>(60);
  const [allowChange, setAllowChange] = useState(true);
  const { platform } = useServices();
  // Nothing is hidden until a DJ asks for it; from then on as they did it last.
  const [hideResults, setHideResults] = useState(() => platform.storage.get(HIDES) === "yes");
  const [wrong, setWrong] = useState(false);
  const [sending, setSending] = useState(false);
  const ids = useId();

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const asked = question.trim();
    const answers = options.map((option) => option.trim()).filter((option) => option !== "");
    const fits = asked !== "" && answers.length >= 2 && new Set(answers).size === answers.length;
    setWrong(!fits);
    if (!fits || sending) return;
    setSending(true);
    keepSecret(hideResults ? asked : undefined);
    const timed = seconds === 0 ? {} : { durationSeconds: seconds };
    const stored = await ask(() =>
      client.startPoll({ question: asked, options: answers, allowChange, hideResults, ...timed }),
    );
    setSending(false);
    if (stored) {
      setQuestion("");
      setOptions(["", ""]);
    }
  };

  return (
    <form class="desk-form" onSubmit={(event) => void submit(event)}>
      <div class="desk-row desk-templates" role="group" aria-label={say.templates}>
        {say.template.map((one) => (
          <button
            key={one.name}
            type="button"
            class="button plain small"
            onClick={() => {
              setQuestion(one.question);
              setOptions(one.options);
              setWrong(false);
            }}
          >
            {one.name}
          </button>
        ))}
      </div>
      <label for={`${ids}-question`}>{say.question}</label>
      <input
        id={`${ids}-question`}
        maxLength={500}
        autocomplete="off"
        value={question}
        onInput={(event) => setQuestion(event.currentTarget.value)}
      />
      {options.map((option, i) => (
        <input
          key={i}
          aria-label={say.option(i + 1)}
          placeholder={say.option(i + 1)}
          maxLength={100}
          autocomplete="off"
          value={option}
          onInput={(event) => setOptions(options.with(i, event.currentTarget.value))}
        />
      ))}
      {options.length < MOST_OPTIONS && (
        <button
          type="button"
          class="button plain small"
          onClick={() => setOptions([...options, ""])}
        >
          {say.addOption}
        </button>
      )}
      <div class="desk-row">
        <label for={`${ids}-seconds`}>{say.duration}</label>
        <select
          id={`${ids}-seconds`}
          value={seconds}
          onChange={(event) => setSeconds(Number(event.currentTarget.value))}
        >
          {DURATIONS.map((one) => (
            <option key={one} value={one}>
              {say.seconds(one)}
            </option>
          ))}
          <option value={0}>{say.untilEnd}</option>
        </select>
      </div>
      <label class="desk-check">
        <input
          type="checkbox"
          checked={allowChange}
          onChange={(event) => setAllowChange(event.currentTarget.checked)}
        />
        <span>{say.allowChange}</span>
      </label>
      <label class="desk-check">
        <input
          type="checkbox"
          checked={hideResults}
          onChange={(event) => {
            const hides = event.currentTarget.checked;
            platform.storage.set(HIDES, hides ? "yes" : "no");
            setHideResults(hides);
          }}
        />
        <span>
          {say.hideResults}
          <small class="hint">{say.hideResultsHelp}</small>
        </span>
      </label>
      {wrong && (
        <p class="hint wrong" role="alert">
          {say.pollNeeds}
        </p>
      )}
      <Failure words={failure} />
      <button type="submit" class="button" aria-disabled={sending}>
        {say.startPoll}
      </button>
    </form>
  );
}
