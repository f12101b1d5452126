import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { EmailField, Form, NewPasswordField, PasswordField } from "./form.tsx";
import { Logins } from "./logins.tsx";
import { useDoor } from "./who.ts";

export function SecurityPart() {
  const door = useDoor();
  const say = words(account);
  return (
    <>
      <section class="card" aria-labelledby="change-email">
        <h2 id="change-email">{say.changeEmailTitle}</h2>
        <p class="hint">{say.changeEmailLead}</p>
        <Form
          action={say.sendLetter}
          clear
          onSend={async ({ email = "", password = "" }) => {
            await door.api.changeEmail(password, email);
            return say.changeEmailDone;
          }}
        >
          <EmailField label={say.newEmail} />
          <PasswordField label={say.yourPassword} />
        </Form>
      </section>
      <section class="card" aria-labelledby="change-password">
        <h2 id="change-password">{say.changePasswordTitle}</h2>
        <p class="hint">{say.changePasswordLead}</p>
        <Form
          action={say.changePassword}
          clear
          onSend={async ({ password = "", newPassword = "" }) => {
            await door.api.changePassword(password, newPassword);
            return say.changePasswordDone;
          }}
        >
          <PasswordField label={say.yourPassword} />
          <NewPasswordField name="newPassword" />
        </Form>
      </section>
      <Logins />
    </>
  );
}
