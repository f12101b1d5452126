// What the links of letters lead to. Nothing happens by opening one: mail programs open links too, so there is a button.

import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { Form, NewPasswordField } from "./form.tsx";
import { Frame } from "./frame.tsx";
import { useState } from "preact/hooks";
import { useDoor } from "./who.ts";

const KINDS = ["verify", "change", "reset"] as const;

export interface Letter {
  kind: (typeof KINDS)[number];
  code: string;
}

/** `#verify=…`, as it stands in the letters. */
export function letterFrom(hash: string): Letter | null {
  const [name, code] = hash.replace(/^#/, "").split("=");
  const kind = KINDS.find((one) => one === name);
  return kind === undefined || code === undefined || code === "" ? null : { kind, code };
}

export function LetterPage({ letter, onDone }: { letter: Letter; onDone: () => void }) {
  const door = useDoor();
  const [done, setDone] = useState(false);
  const say = words(account);
  const { kind, code } = letter;
  const titles = { verify: say.verifyTitle, change: say.changeTitle, reset: say.resetTitle };
  const leads = { verify: say.verifyLead, change: say.changeLead, reset: say.resetLead };
  const ends = { verify: say.verified, change: say.changed, reset: say.resetDone };

  const finish = async () => {
    setDone(true);
    await door.ask();
  };

  if (done) {
    return (
      <Frame key="done" title={ends[kind]}>
        <button type="button" class="button" onClick={onDone}>
          {door.who.kind === "in" ? say.onward : say.signIn}
        </button>
      </Frame>
    );
  }
  return (
    <Frame key="open" title={titles[kind]} lead={leads[kind]}>
      {kind === "reset" ? (
        <div class="card">
          <Form
            action={say.reset}
            onSend={async ({ password = "" }) => {
              await door.api.reset(code, password);
              await finish();
            }}
          >
            <NewPasswordField />
          </Form>
        </div>
      ) : (
        <Form
          action={kind === "verify" ? say.verify : say.change}
          onSend={async () => {
            await (kind === "verify" ? door.api.verify(code) : door.api.confirmEmail(code));
            await finish();
          }}
        />
      )}
    </Frame>
  );
}
