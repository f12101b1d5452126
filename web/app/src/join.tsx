import { useEffect, useState } from "preact/hooks";
import { CodeForm } from "./code-form.tsx";
import { Message } from "./parts.tsx";
import { go, livePath } from "./route.ts";
import { useServices } from "./services.ts";
import { home } from "./words/home.ts";
import { words } from "./words/language.ts";
import { shared } from "./words/shared.ts";

/** `/j/{code}`: what a QR code or a link leads to. It only ever passes through. */
export function JoinPage({ code }: { code: string }) {
  const { api } = useServices();
  const [outcome, setOutcome] = useState<"asking" | "unknown" | "failed">("asking");
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let here = true;
    setOutcome("asking");
    api.join(code).then(
      (sessionId) => {
        if (!here) return;
        // Replaced, so that "back" leads out of Pika and not into this page again.
        if (sessionId === null) setOutcome("unknown");
        else go(livePath(sessionId), "replace");
      },
      () => here && setOutcome("failed"),
    );
    return () => void (here = false);
  }, [api, code, attempt]);

  const say = words(home);
  if (outcome === "asking") return <p class="loading">{say.finding}</p>;
  if (outcome === "unknown") {
    return (
      <Message title={say.unknownTitle}>
        <p>{say.unknownCode(code)}</p>
        <CodeForm />
      </Message>
    );
  }
  return (
    <Message title={say.downTitle}>
      <p>{say.downHelp}</p>
      <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
        {words(shared).tryAgain}
      </button>
    </Message>
  );
}
