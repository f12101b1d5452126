// Numbers with the right form of their noun.

const ENGLISH = new Intl.PluralRules("en");
const POLISH = new Intl.PluralRules("pl");

/** `1 like`, `2 likes`. */
export function english(n: number, one: string, other: string): string {
  return `${n} ${ENGLISH.select(n) === "one" ? one : other}`;
}

/** `1 głos`, `2 głosy`, `5 głosów`; a fraction takes `other`, which most nouns form like `few` never do. */
export function polish(n: number, one: string, few: string, many: string, other = few): string {
  const forms: Partial<Record<Intl.LDMLPluralRule, string>> = { one, few, many };
  return `${n} ${forms[POLISH.select(n)] ?? other}`;
}
