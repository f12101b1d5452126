import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";

/** Why something did not go through: in our words where they are known, else in the server's. */
export function Failure({ words: reason }: { words: string }) {
  const say = words(area);
  if (reason === "") return null;
  return (
    <p class="hint wrong" role="alert">
      {say.failed(/not connected/i.test(reason) ? say.notConnected : reason)}
    </p>
  );
}
