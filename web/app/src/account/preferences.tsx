import { useId } from "preact/hooks";
import { THEMES } from "../look.ts";
import { account } from "../words/account.ts";
import { LANGUAGES, words } from "../words/language.ts";
import type { Preferences } from "./account-api.ts";
import { followLanguage, followLook } from "./follow-look.ts";
import { Form } from "./form.tsx";
import { Shown, useAsked } from "./use-asked.tsx";
import { useDoor } from "./who.ts";

const NAMES = { en: "English", pl: "Polski" } as const;

/** What holds on every device of an account: this one follows at once, another when somebody signs in there. */
export function PreferencesPart() {
  const door = useDoor();
  const asked = useAsked(() => door.api.preferences());
  const say = words(account);
  return (
    <Shown asked={asked}>
      {(chosen) => (
        <section class="card">
          <Form
            action={say.save}
            onSend={async (values) => {
              const wanted = {
                theme: values.theme ?? chosen.theme,
                language: values.language ?? chosen.language,
                textSize: Number(values.textSize ?? chosen.textSize),
                reducedMotion: values.reducedMotion !== undefined,
                showBpm: values.showBpm !== undefined,
                notifyAnnouncements: values.notifyAnnouncements !== undefined,
              };
              const saved = await door.api.changePreferences(chosen.version, wanted);
              asked.set(saved);
              followLook(saved);
              followLanguage(saved);
              return words(account).saved;
            }}
          >
            <Fields chosen={chosen} />
          </Form>
        </section>
      )}
    </Shown>
  );
}

function Fields({ chosen }: { chosen: Preferences }) {
  const notify = useId();
  const say = words(account);
  const sizes = Object.keys(say.sizes).map((size) => [size, say.sizes[Number(size)] ?? size]);
  return (
    <>
      <Choice
        name="theme"
        label={say.theme}
        chosen={chosen.theme}
        options={THEMES.map((one) => [one, say.themes[one]])}
      />
      <Choice
        name="language"
        label={say.language}
        chosen={chosen.language}
        options={LANGUAGES.map((one) => [one, NAMES[one]])}
        inTheirOwnLanguage
      />
      <Choice
        name="textSize"
        label={say.textSize}
        chosen={String(chosen.textSize)}
        options={sizes as [string, string][]}
      />
      <Check
        name="reducedMotion"
        label={say.reducedMotion}
        hint={say.reducedMotionHint}
        chosen={chosen.reducedMotion}
      />
      <Check name="showBpm" label={say.showBpm} chosen={chosen.showBpm} />
      <fieldset class="choices" aria-describedby={notify}>
        <legend>{say.notify}</legend>
        <p id={notify} class="hint">
          {say.notifyHint}
        </p>
        <Check
          name="notifyAnnouncements"
          label={say.notifyAnnouncements}
          chosen={chosen.notifyAnnouncements}
        />
      </fieldset>
    </>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  chosen: string;
  options: readonly (readonly [value: string, words: string])[];
  /** The options are names of languages: a screen reader says each of them as it is said there. */
  inTheirOwnLanguage?: boolean;
}

function Choice({ name, label, chosen, options, inTheirOwnLanguage }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name}>
        {options.map(([value, shown]) => (
          <option
            key={value}
            value={value}
            lang={inTheirOwnLanguage === true ? value : undefined}
            selected={value === chosen}
          >
            {shown}
          </option>
        ))}
      </select>
    </div>
  );
}

interface CheckProps {
  name: string;
  label: string;
  chosen: boolean;
  hint?: string;
}

function Check({ name, label, chosen, hint }: CheckProps) {
  const about = useId();
  return (
    <div class="field">
      <label class="check">
        <input
          type="checkbox"
          name={name}
          defaultChecked={chosen}
          aria-describedby={hint === undefined ? undefined : about}
        />
        <span>{label}</span>
      </label>
      {hint !== undefined && (
        <p id={about} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
