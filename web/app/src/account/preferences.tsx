import { useId } from "preact/hooks";
import { keepLook } from "../look.ts";
import { account } from "../words/account.ts";
import { LANGUAGES, setLanguage, words } from "../words/language.ts";
import type { Preferences } from "./account-api.ts";
import { Form } from "./form.tsx";
import { Shown, useAsked } from "./use-asked.tsx";
import { useDoor } from "./who.ts";

const NAMES = { en: "English", pl: "Polski" } as const;

/** What holds on every device of an account; saving it makes this one follow at once. */
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
                language: values.language ?? chosen.language,
                textSize: Number(values.textSize ?? chosen.textSize),
                reducedMotion: values.reducedMotion !== undefined,
              };
              const saved = await door.api.changePreferences(chosen.version, wanted);
              asked.set(saved);
              follow(saved);
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

function follow(saved: Preferences): void {
  keepLook({ textSize: saved.textSize, lessMotion: saved.reducedMotion });
  const language = LANGUAGES.find((one) => one === saved.language);
  if (language !== undefined) setLanguage(language);
}

function Fields({ chosen }: { chosen: Preferences }) {
  const [language, size, motion] = [useId(), useId(), useId()];
  const say = words(account);
  const sizes = Object.keys(say.sizes).map(Number);
  return (
    <>
      <div class="field">
        <label for={language}>{say.language}</label>
        <select id={language} name="language">
          {LANGUAGES.map((one) => (
            <option key={one} value={one} lang={one} selected={one === chosen.language}>
              {NAMES[one]}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for={size}>{say.textSize}</label>
        <select id={size} name="textSize">
          {sizes.map((one) => (
            <option key={one} value={one} selected={one === chosen.textSize}>
              {say.sizes[one]}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label class="check">
          <input
            type="checkbox"
            name="reducedMotion"
            defaultChecked={chosen.reducedMotion}
            aria-describedby={motion}
          />
          <span>{say.reducedMotion}</span>
        </label>
        <p id={motion} class="hint">
          {say.reducedMotionHint}
        </p>
      </div>
    </>
  );
}
