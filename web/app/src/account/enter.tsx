// The door: signing in, signing up, and a letter for whoever forgot the password.

import { Link } from "../parts.tsx";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { Providers } from "./elsewhere.tsx";
import { EmailField, Field, Form, NewPasswordField, PasswordField } from "./form.tsx";
import { Frame } from "./frame.tsx";
import { useDoor } from "./who.ts";

export function SignIn() {
  const door = useDoor();
  const say = words(account);
  return (
    <Frame title={say.signIn} lead={say.signInLead}>
      <div class="card">
        <Form
          action={say.signIn}
          onSend={async ({ email = "", password = "" }) => {
            door.set({ kind: "in", user: await door.api.signIn(email, password) });
          }}
        >
          <EmailField />
          <PasswordField />
        </Form>
        <Providers />
      </div>
      <p class="ways">
        <Link to="/account/register">{say.noAccount}</Link>
        <Link to="/account/forgotten">{say.forgotten}</Link>
      </p>
    </Frame>
  );
}

export function Register() {
  const door = useDoor();
  const say = words(account);
  return (
    <Frame title={say.register} lead={say.registerLead}>
      <div class="card">
        <Form
          action={say.register}
          onSend={async ({ email = "", password = "", displayName = "" }) => {
            door.set({ kind: "in", user: await door.api.register(email, password, displayName) });
          }}
        >
          <Field
            name="displayName"
            label={say.displayName}
            hint={say.displayNameHint}
            autocomplete="nickname"
            minLength={2}
            maxLength={100}
          />
          <EmailField />
          <NewPasswordField />
        </Form>
        <Providers />
      </div>
      <p class="ways">
        <Link to="/account">{say.haveAccount}</Link>
      </p>
    </Frame>
  );
}

export function Forgotten() {
  const door = useDoor();
  const say = words(account);
  return (
    <Frame title={say.forgottenTitle} lead={say.forgottenLead}>
      <div class="card">
        <Form
          action={say.sendLetter}
          onSend={async ({ email = "" }) => {
            await door.api.forgotten(email);
            return say.letterSent;
          }}
        >
          <EmailField />
        </Form>
      </div>
      <p class="ways">
        <Link to="/account">{say.signIn}</Link>
      </p>
    </Frame>
  );
}
