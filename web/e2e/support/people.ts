// People with accounts: how a story makes one, and how it reads the letters that the server sends them.

import { eventually, type Dancer, type Floor } from "./dancer.ts";
import type { Pika } from "./pika.ts";

export const PASSWORD = "blue suede shoes 7";

export interface Someone {
  email: string;
  displayName: string;
  /** A DJ token. */
  token: string;
}

let made = 0;

/** Signed up over REST, as a DJ's program would. */
export async function signUp(pika: Pika, displayName?: string): Promise<Someone> {
  made += 1;
  const email = `person-${made}@example.org`;
  const name = displayName ?? `DJ Person ${made}`;
  const response = await fetch(`${pika.url}/api/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Pika-Client": "pika-e2e" },
    body: JSON.stringify({ email, password: PASSWORD, displayName: name }),
  });
  if (response.status !== 201) throw new Error(`signing up was answered ${response.status}`);
  const { token } = (await response.json()) as { token: string };
  return { email, displayName: name, token };
}

/** At the door of whatever page this is. */
export async function signIn({ page }: Dancer, email: string, password = PASSWORD): Promise<void> {
  await page.getByRole("textbox", { name: "E-mail address" }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Somebody who is signed in and looks at this page. */
export async function signedIn(floor: Floor, someone: Someone, path = "/account", options = {}) {
  const visitor = await floor.visit("/account", options);
  await signIn(visitor, someone.email);
  await visitor.page.getByRole("heading", { name: "Overview" }).waitFor();
  if (path !== "/account") await visitor.page.goto(path);
  return visitor;
}

/** The path that the newest letter of this kind leads its reader to. */
export async function letterTo(
  pika: Pika,
  email: string,
  kind: "verify" | "change" | "reset",
): Promise<string> {
  const link = async () => {
    const mail = await (await fetch(`${pika.url}/dev/mail`)).text();
    const letter = mail
      .split("<article>")
      .find((one) => one.includes(`<p>To ${email}</p>`) && one.includes(`/account#${kind}=`));
    return /\/account#\w+=[\w-]+/.exec(letter ?? "")?.[0] ?? "";
  };
  await eventually(link).not.toBe("");
  return link();
}
