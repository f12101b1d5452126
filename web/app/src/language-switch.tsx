import { language, LANGUAGES, setLanguage } from "./words/language.ts";
import { words } from "./words/language.ts";
import { shared } from "./words/shared.ts";

// A language is called by its own name: whoever needs the switch cannot read the other one.
const NAMES = { en: "English", pl: "Polski" } as const;

export function LanguageSwitch() {
  const current = language();
  return (
    <div class="languages" role="group" aria-label={words(shared).language}>
      {LANGUAGES.map((one) => (
        <button
          key={one}
          type="button"
          lang={one}
          class="language"
          aria-pressed={one === current}
          onClick={() => setLanguage(one)}
        >
          {NAMES[one]}
        </button>
      ))}
    </div>
  );
}
