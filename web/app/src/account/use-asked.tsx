// What a page asks the server for when it is opened, and what stands there until it is known.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { shared } from "../words/shared.ts";
import { refusalWords } from "./refusals.ts";

export interface Asked<T> {
  value: T | undefined;
  failed: string | undefined;
  again: () => void;
  set: (value: T) => void;
}

export function useAsked<T>(ask: () => Promise<T>): Asked<T> {
  const [value, set] = useState<T>();
  const [failed, setFailed] = useState<string>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let here = true;
    ask().then(
      (found) => {
        if (!here) return;
        set(() => found);
        setFailed(undefined);
      },
      (error: unknown) => here && setFailed(refusalWords(error)),
    );
    return () => void (here = false);
    // The question is the same for as long as the page is.
  }, [attempt]);
  const again = useCallback(() => setAttempt((before) => before + 1), []);
  return { value, failed, again, set: (known: T) => set(() => known) };
}

/** Does something to what is shown, says what came of it, and asks anew. */
export function useActs(asked: Pick<Asked<unknown>, "again">) {
  const [outcome, setOutcome] = useState("");
  const act = async (what: () => Promise<unknown>, done = "") => {
    setOutcome("");
    try {
      await what();
      setOutcome(done);
    } catch (error) {
      setOutcome(refusalWords(error));
    }
    asked.again();
  };
  return { outcome, act };
}

interface ShownProps<T> {
  asked: Asked<T>;
  children: (value: T) => ComponentChildren;
}

export function Shown<T>({ asked, children }: ShownProps<T>) {
  if (asked.value !== undefined) return <>{children(asked.value)}</>;
  if (asked.failed === undefined) return <p class="quiet pending">{words(shared).loading}</p>;
  return (
    <div class="card failed" role="alert">
      <h2>{words(account).failed}</h2>
      <p>{asked.failed}</p>
      <button type="button" class="button plain small" onClick={asked.again}>
        {words(shared).tryAgain}
      </button>
    </div>
  );
}
