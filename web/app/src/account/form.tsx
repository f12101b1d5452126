// Forms: fields with a label each, one button that shows what is going on, and what came of it said aloud.

import type { ComponentChildren, TargetedSubmitEvent } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { refusalWords } from "./refusals.ts";

interface FormProps {
  /** What the button says. */
  action: string;
  /** Gives what to say when it is done; nothing: the page itself shows it. */
  onSend: (values: Record<string, string>) => Promise<string | void>;
  danger?: boolean;
  children?: ComponentChildren;
  /** Empties the fields when it is done. */
  clear?: boolean;
}

export function Form({ action, onSend, danger, clear, children }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<{ wrong: boolean; text: string } | null>(null);
  const form = useRef<HTMLFormElement>(null);

  const send = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const values: Record<string, string> = {};
    for (const [name, value] of new FormData(event.currentTarget)) {
      if (typeof value === "string") values[name] = value;
    }
    setBusy(true);
    setOutcome(null);
    try {
      const done = await onSend(values);
      if (clear === true) form.current?.reset();
      setOutcome(typeof done === "string" ? { wrong: false, text: done } : null);
    } catch (error) {
      setOutcome({ wrong: true, text: refusalWords(error) });
    }
    setBusy(false);
  };

  return (
    <form ref={form} class="form" onSubmit={(event) => void send(event)}>
      {children}
      <div class="form-foot">
        <button
          type="submit"
          class={danger === true ? "button danger" : "button"}
          aria-disabled={busy}
        >
          {busy ? words(account).working : action}
        </button>
        <p class={outcome?.wrong === true ? "outcome wrong" : "outcome"} role="status">
          {outcome?.text}
        </p>
      </div>
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  type?: "text" | "email" | "password" | "url";
  hint?: string;
  value?: string;
  autocomplete?: string;
  minLength?: number;
  maxLength?: number;
  optional?: boolean;
  placeholder?: string;
}

export function Field(props: FieldProps) {
  const { name, label, type = "text", hint, value, autocomplete = "off", optional } = props;
  const id = useId();
  const about = useId();
  const [shown, setShown] = useState(false);
  const secret = type === "password";
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="field-row">
        <input
          id={id}
          name={name}
          // All of them are lines of text to the types; which one it is only the browser needs to know.
          type={(secret && shown ? "text" : type) as "text"}
          defaultValue={value ?? ""}
          required={optional !== true}
          minLength={props.minLength}
          maxLength={props.maxLength}
          placeholder={props.placeholder}
          autocomplete={autocomplete}
          autocapitalize={type === "text" ? "sentences" : "none"}
          spellcheck={false}
          aria-describedby={hint === undefined ? undefined : about}
        />
        {secret && (
          <button
            type="button"
            class="reveal"
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
          >
            {shown ? words(account).hide : words(account).show}
          </button>
        )}
      </div>
      {hint !== undefined && (
        <p id={about} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

/** The password that somebody signs in with. */
export function PasswordField({ label }: { label?: string }) {
  return (
    <Field
      name="password"
      type="password"
      label={label ?? words(account).password}
      autocomplete="current-password"
      maxLength={128}
    />
  );
}

export function NewPasswordField({ name = "password" }: { name?: string }) {
  return (
    <Field
      name={name}
      type="password"
      label={words(account).newPassword}
      hint={words(account).passwordHint}
      autocomplete="new-password"
      minLength={8}
      maxLength={128}
    />
  );
}

export function EmailField({ label }: { label?: string }) {
  return (
    <Field
      name="email"
      type="email"
      label={label ?? words(account).email}
      autocomplete="username"
      maxLength={254}
    />
  );
}
