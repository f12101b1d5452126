import { useState } from "preact/hooks";
import { Said } from "../parts.tsx";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { Field, Form } from "./form.tsx";
import { useDoor } from "./who.ts";

/** A device shows a code; whoever holds it types the code here, sees what the device calls itself, and lets it in. */
export function DevicePart() {
  const door = useDoor();
  const [asking, setAsking] = useState<{ code: string; name: string }>();
  const [done, setDone] = useState(false);
  const say = words(account);

  if (done) {
    return (
      <p class="card done" role="status">
        {say.deviceDone}
      </p>
    );
  }
  if (asking !== undefined) {
    return (
      <section class="card">
        <h2>
          <Said>{say.deviceAsk(asking.name === "" ? say.deviceUnnamed : asking.name)}</Said>
        </h2>
        <Form
          key="yes"
          action={say.deviceYes}
          onSend={async () => {
            await door.api.letDeviceIn(asking.code);
            setDone(true);
          }}
        />
        <button type="button" class="button plain" onClick={() => setAsking(undefined)}>
          {say.deviceNo}
        </button>
      </section>
    );
  }
  return (
    <section class="card">
      <Form
        key="code"
        action={say.deviceNext}
        onSend={async ({ code = "" }) => {
          setAsking({ code, name: await door.api.device(code) });
        }}
      >
        <Field name="code" label={say.deviceCode} placeholder="BCDF-GHJK" maxLength={20} />
      </Form>
    </section>
  );
}
