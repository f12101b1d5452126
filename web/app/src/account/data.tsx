import { useId, useRef } from "preact/hooks";
import { Refused } from "../rest.ts";
import { saveFile } from "../save-file.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { followLanguage, followLook } from "./follow-look.ts";
import { Form, PasswordField } from "./form.tsx";
import { useDoor } from "./who.ts";

/** More than any export's own parts; what is read whole has an end. */
const LARGEST = 16 * 1024 * 1024;

/** The parts of an export, or a refusal as the server would word it. */
async function readExport(file: File | undefined): Promise<Record<string, unknown>> {
  const noExport = new Refused(400, "invalid_message", "no export");
  if (file === undefined || file.size > LARGEST) throw noExport;
  const read: unknown = await file
    .text()
    .then(JSON.parse)
    .catch(() => null);
  if (typeof read !== "object" || read === null) throw noExport;
  if (!Object.hasOwn(read, "profile") && !Object.hasOwn(read, "preferences")) throw noExport;
  return { ...read };
}

function ImportPart() {
  const door = useDoor();
  const say = words(account);
  const id = useId();
  const file = useRef<HTMLInputElement>(null);
  return (
    <section class="card" aria-labelledby="import">
      <h2 id="import">{say.importTitle}</h2>
      <p class="hint">{say.importLead}</p>
      <Form
        action={say.import}
        clear
        onSend={async () => {
          const taken = await door.api.import(await readExport(file.current?.files?.[0]));
          followLook(taken);
          followLanguage(taken);
          return words(account).imported;
        }}
      >
        <div class="field">
          <label for={id}>{say.importFile}</label>
          <input ref={file} id={id} type="file" accept=".json,application/json" required />
        </div>
      </Form>
    </section>
  );
}

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
      <ImportPart />
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
