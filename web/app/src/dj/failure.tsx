import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";

/** What servers say when they take something not, as their table of errors has it. */
const KNOWN = [
  ["offline", /not connected/i],
  ["silent", /no answer/i],
  ["rate", /rate limit/i],
  ["over", /session (has ended|not found)/i],
  ["poll", /poll not found/i],
  ["owner", /not authorized|another dj|invalid or missing token/i],
  ["large", /too large/i],
  ["old", /more than 24 hours/i],
  ["server", /temporarily unavailable|internal error/i],
] as const;

/** In our words where a reason is known, else in the server's. */
export function reasonWords(reason: string): string {
  const known = KNOWN.find(([, pattern]) => pattern.test(reason));
  return known === undefined ? reason : words(area).reason[known[0]];
}

/** Why something did not go through. */
export function Failure({ words: reason }: { words: string }) {
  const say = words(area);
  if (reason === "") return null;
  return (
    <p class="hint wrong" role="alert">
      {say.failed(reasonWords(reason))}
    </p>
  );
}
