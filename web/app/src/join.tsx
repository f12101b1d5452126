import { useEffect, useState } from "preact/hooks";
import { CodeForm } from "./code-form.tsx";
import { Message } from "./parts.tsx";
import { go, livePath } from "./route.ts";
import { useServices } from "./services.ts";

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

  if (outcome === "asking") return <p class="loading">Finding the session…</p>;
  if (outcome === "unknown") {
    return (
      <Message title="No session has this code">
        <p>
          The code <strong>{code}</strong> is not in use. It ends with its session; ask the DJ for
          the new one.
        </p>
        <CodeForm />
      </Message>
    );
  }
  return (
    <Message title="The server cannot be reached">
      <p>Check the connection of this phone, then try again.</p>
      <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
        Try again
      </button>
    </Message>
  );
}
