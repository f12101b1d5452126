import { saveFile } from "../save-file.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { Form, PasswordField } from "./form.tsx";
import { useDoor } from "./who.ts";

export function DataPart({ onGone }: { onGone: () => void }) {
  const door = useDoor();
  const say = words(account);
  return (
    <>
      <section class="card" aria-labelledby="export">
        <h2 id="export">{say.exportTitle}</h2>
        <p class="hint">{say.exportLead}</p>
        <Form
          action={say.export}
          onSend={async () => {
            const all = JSON.stringify(await door.api.export(), null, 2);
            saveFile("pika-my-data.json", new Blob([all], { type: "application/json" }));
            return say.exported;
          }}
        />
      </section>
      <section class="card" aria-labelledby="remove">
        <h2 id="remove">{say.removeTitle}</h2>
        <p>{say.removeGoes}</p>
        <p>{say.removeStaysTitle}</p>
        <ul class="stays">
          {say.removeStays.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        <Form
          action={say.remove}
          danger
          onSend={async ({ password = "" }) => {
            await door.api.removeAccount(password);
            onGone();
            door.set({ kind: "guest" });
          }}
        >
          <PasswordField label={say.yourPassword} />
          <label class="check">
            <input type="checkbox" required />
            <span>{say.removeSure}</span>
          </label>
        </Form>
      </section>
    </>
  );
}
