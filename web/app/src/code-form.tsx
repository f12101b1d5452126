import type { TargetedSubmitEvent } from "preact";
import { useId, useState } from "preact/hooks";
import { codeFrom, go } from "./route.ts";
import { home } from "./words/home.ts";
import { words } from "./words/language.ts";

/** The field for the code on the DJ's screen. The page `/j/{code}` says what came of it. */
export function CodeForm() {
  const [typed, setTyped] = useState("");
  const [short, setShort] = useState(false);
  const field = useId();
  const hint = useId();
  const say = words(home);

  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const code = codeFrom(typed);
    setShort(code.length !== 6);
    if (code.length === 6) go(`/j/${code}`);
  };

  return (
    <form class="code-form" onSubmit={submit}>
      <label for={field}>{say.codeLabel}</label>
      <div class="code-row">
        <input
          id={field}
          name="code"
          value={typed}
          maxLength={12}
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          enterkeyhint="go"
          placeholder="K7M2QX"
          aria-describedby={hint}
          aria-invalid={short}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <button type="submit" class="button">
          {say.codeJoin}
        </button>
      </div>
      <p id={hint} class={short ? "hint wrong" : "hint"} role="status">
        {short ? say.codeShort : ""}
      </p>
    </form>
  );
}
