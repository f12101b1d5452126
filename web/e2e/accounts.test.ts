import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import { eventually } from "./support/dancer.ts";
import { letterTo, PASSWORD, signedIn, signIn, signUp } from "./support/people.ts";
import { accountStory as story } from "./support/story.ts";

story(
  "somebody makes an account, confirms it, and leaves again with all of it",
  async ({ floor, pika }) => {
    const email = "ada@example.org";
    const ada = await floor.visit("/");
    const { page } = ada;
    await page.getByRole("link", { name: "Account" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await ada.picture("account-sign-in");
    await page.getByRole("link", { name: "Make an account" }).click();
    await page.getByLabel("Name").fill("DJ Ada");
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("New password").fill("password1");
    await page.getByRole("button", { name: "Make an account" }).click();
    await page.getByText("That password is too easy to guess.").waitFor();
    await ada.picture("account-register");
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Make an account" }).click();

    await page.getByText("DJ Ada").waitFor();
    await page.getByText("Your address is not confirmed yet.").waitFor();
    await ada.picture("account-overview");
    await page.goto(await letterTo(pika, email, "verify"));
    await page.getByRole("button", { name: "Confirm the address" }).click();
    await page.getByRole("heading", { name: "Your address is confirmed." }).waitFor();
    expect(page.url()).not.toContain("#");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText("DJ Ada").waitFor();
    expect(await page.getByText("not confirmed yet").count()).toBe(0);

    // A second browser, seen and ended in the first.
    const phone = await floor.visit("/account");
    await signIn(phone, email);
    await phone.page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByRole("link", { name: "Signed in" }).click();
    const rows = page.getByRole("main").getByRole("listitem");
    await eventually(() => rows.count()).toBe(2);
    await ada.reads(rows.filter({ hasText: "This one" }), "Chrome");
    await ada.picture("account-sessions");
    await page.getByRole("button", { name: "End", exact: true }).click();
    await eventually(() => rows.count()).toBe(1);
    await phone.page.reload();
    await phone.page.getByRole("heading", { name: "Sign in" }).waitFor();

    await page.getByRole("link", { name: "My data" }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download my data" }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe("pika-my-data.json");
    const data = JSON.parse(await readFile((await file.path()) ?? "", "utf8")) as {
      account: { email: string };
    };
    expect(data.account.email).toBe(email);

    const bring = async (name: string, text: string) => {
      await page
        .getByLabel("The file")
        .setInputFiles({ name, mimeType: "application/json", buffer: Buffer.from(text) });
      await page.getByRole("button", { name: "Take it over" }).click();
    };
    await bring("holiday.json", "no json");
    await page.getByText("That is no file of a person's data.").waitFor();
    await bring("pika-my-data.json", JSON.stringify({ ...data, profile: { bio: "From afar" } }));
    await page.getByText("Profile and preferences are taken over.").waitFor();
    await page.getByRole("link", { name: "Profile" }).click();
    await eventually(() => page.getByRole("textbox", { name: /about/i }).inputValue()).toBe(
      "From afar",
    );
    await page.getByRole("link", { name: "My data" }).click();

    await page.getByText("Evenings that you played stay under your name").waitFor();
    await ada.picture("account-data");
    await page.getByLabel("Your password").fill("not the password");
    await page.getByLabel("I know that this cannot be undone.").check();
    await page.getByRole("button", { name: "Delete the account" }).click();
    await page.getByText("The address or the password is wrong.").waitFor();
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", { name: "Delete the account" }).click();
    await page.getByRole("heading", { name: "The account is gone" }).waitFor();
    await page.goto("/account");
    await signIn(ada, email);
    await page.getByText("The address or the password is wrong.").waitFor();
  },
);

story("a forgotten password is chosen anew, and an address changed", async ({ floor, pika }) => {
  const someone = await signUp(pika);
  const visitor = await floor.visit("/account");
  const { page } = visitor;
  await page.getByRole("link", { name: "Forgotten the password?" }).click();
  await page.getByLabel("E-mail address").fill(someone.email);
  await page.getByRole("button", { name: "Send the letter" }).click();
  await page.getByText("If somebody has this address, a letter is on its way.").waitFor();
  await page.goto(await letterTo(pika, someone.email, "reset"));
  await page.getByLabel("New password").fill("green velvet jacket 9");
  await page.getByRole("button", { name: "Save the new password" }).click();
  await page.getByRole("heading", { name: "The new password holds." }).waitFor();
  await page.getByRole("button", { name: "Sign in" }).click();
  await signIn(visitor, someone.email, "green velvet jacket 9");
  await page.getByRole("heading", { name: "Overview" }).waitFor();

  // The link was good once.
  const again = await floor.visit(await letterTo(pika, someone.email, "reset"));
  await again.page.getByLabel("New password").fill("another good phrase 7");
  await again.page.getByRole("button", { name: "Save the new password" }).click();
  await again.page.getByText("This link or code does not hold any more.").waitFor();

  await page.getByRole("link", { name: "Address and password" }).click();
  const form = page.getByRole("region", { name: "Change the address" });
  await form.getByLabel("New e-mail address").fill("moved@example.org");
  await form.getByLabel("Your password").fill("green velvet jacket 9");
  await form.getByRole("button", { name: "Send the letter" }).click();
  await form.getByText("The letter is on its way.").waitFor();
  await visitor.picture("account-security");
  await page.goto(await letterTo(pika, "moved@example.org", "change"));
  await page.getByRole("button", { name: "Use this address" }).click();
  await page.getByRole("heading", { name: "The new address holds from now on." }).waitFor();
  await page.goto("/account");
  await page.getByText("moved@example.org").waitFor();
});

story("whoever signs out is at the door, and stays there", async ({ floor, pika }) => {
  const someone = await signUp(pika, "DJ Leaving");
  const { page } = await signedIn(floor, someone);
  await page.getByRole("button", { name: "Sign out" }).click();
  const door = page.getByRole("heading", { name: "Sign in" });
  await door.waitFor();
  await page.reload();
  await door.waitFor();

  await page.goto("/dj");
  await page.getByLabel("Email").fill(someone.email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Signed in as DJ Leaving").waitFor();
  await page.reload();
  await page.getByText("Signed in as DJ Leaving").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await door.waitFor();
  await page.reload();
  await door.waitFor();
  expect(await page.getByText("Signed in as").count()).toBe(0);
});

story(
  "a DJ keeps several tokens, and what they chose holds everywhere",
  async ({ floor, pika }) => {
    const someone = await signUp(pika, "DJ Grace");
    const { page, ...dj } = await signedIn(floor, someone, "/account/tokens");
    const rows = page.getByRole("main").getByRole("listitem");
    await page.getByLabel("What is it for?").fill("Booth <b>laptop</b>");
    await page.getByRole("button", { name: "Make a token" }).click();
    const fresh = page.getByRole("status", { name: "Your new token" });
    const first = await fresh.locator("code").innerText();
    expect(first).toMatch(/^pk_dj_/);
    const row = rows.filter({ hasText: "Booth <b>laptop</b>" });
    await row.waitFor();
    await row.getByRole("button", { name: "Make anew" }).click();
    await eventually(() => fresh.locator("code").innerText()).not.toBe(first);
    await page.getByText("The old token is dead.").waitFor();
    const whose = async (token: string) =>
      (await fetch(`${pika.url}/api/auth/me`, { headers: { Authorization: `Bearer ${token}` } }))
        .status;
    expect(await whose(first)).toBe(401);
    expect(await whose(await fresh.locator("code").innerText())).toBe(200);
    await dj.person.context.pages()[0]?.evaluate(() => scrollTo(0, 0));

    await page.getByRole("link", { name: "Preferences" }).click();
    await page.getByLabel("Size of text").selectOption("125");
    await page.getByLabel("Less motion").check();
    await page.getByRole("combobox", { name: "Language" }).selectOption("pl");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Zapisano.").waitFor();
    await page.getByRole("heading", { name: "Ustawienia" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("pl");
    const size = () => page.evaluate(() => getComputedStyle(document.documentElement).fontSize);
    expect(await size()).toBe("20px");
    await page.reload();
    await page.getByLabel("Mniej ruchu").waitFor();
    expect(await size()).toBe("20px");
    expect(await page.getByLabel("Mniej ruchu").isChecked()).toBe(true);
  },
);

story("a device is let in with the code that it shows", async ({ floor, pika }) => {
  const someone = await signUp(pika);
  const begun = await fetch(`${pika.url}/api/auth/device`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Pika-Client": "pika-desktop" },
    body: JSON.stringify({ name: "Booth laptop" }),
  });
  const device = (await begun.json()) as { userCode: string; verificationUri: string };
  expect(new URL(device.verificationUri).pathname).toBe("/account/device");
  // Whoever is not signed in meets the door, and then what they came for.
  const visitor = await floor.visit("/account/device");
  await signIn(visitor, someone.email);
  const { page } = visitor;
  await page.getByLabel("Code of eight letters").fill("bcdfghjk");
  await page.getByRole("button", { name: "Next" }).click();
  await page
    .getByRole("status")
    .filter({ hasText: /does not hold|not there/ })
    .waitFor();
  await page.getByLabel("Code of eight letters").fill(device.userCode.toLowerCase());
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("Let “Booth laptop” sign in as you?").waitFor();
  await page.getByRole("button", { name: "Let it in" }).click();
  await page.getByText("It is in. You can go back to it.").waitFor();
});

story(
  "an admin finds people, grants roles and suspends, and all of it is written down",
  async ({ floor, pika }) => {
    const [boss, someone] = [
      await signUp(pika, "DJ Boss"),
      await signUp(pika, "DJ {{Mallory}} & Co"),
    ];
    await pika.admin("grant", boss.email, "admin");
    const stranger = await signedIn(floor, someone, "/admin");
    await stranger.page.getByRole("heading", { name: "This page is for admins" }).waitFor();

    const { page, ...admin } = await signedIn(floor, boss, "/admin", {
      viewport: { width: 1280, height: 800 },
      isMobile: false,
    });
    await page.getByRole("searchbox").fill("mallory");
    await page.getByRole("button", { name: "Search" }).click();
    const card = page.getByRole("article");
    await eventually(() => card.count()).toBe(1);
    await card.getByRole("heading", { name: "DJ {{Mallory}} & Co" }).waitFor();
    await card.getByLabel("Role to grant").selectOption("organizer");
    await card.getByRole("button", { name: "Grant" }).click();
    await card.getByText("granted by DJ Boss").waitFor();
    // Whoever has another role signs in anew.
    await stranger.page.goto("/account");
    await stranger.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await card.getByRole("button", { name: "Take away: Organizer" }).click();
    await eventually(() => card.getByText("granted by DJ Boss").count()).toBe(0);

    await card.getByLabel("Why?").fill("noise after midnight");
    await card.getByRole("button", { name: "Suspend" }).click();
    await card.getByText("Suspended").waitFor();
    await signIn(stranger, someone.email);
    await stranger.page.getByText("This account is suspended.").waitFor();
    await card.getByRole("button", { name: "History" }).click();
    await card.getByText("noise after midnight").waitFor();
    await admin.person.context.pages()[0]?.evaluate(() => scrollTo(0, 0));
    await card.getByRole("button", { name: "Reinstate" }).click();
    await card.getByRole("button", { name: "Suspend" }).waitFor();
    await signIn(stranger, someone.email);
    await stranger.page.getByRole("heading", { name: "Overview" }).waitFor();

    await page.getByRole("link", { name: "Audit log" }).click();
    const log = page.getByRole("main").getByRole("listitem");
    await log
      .filter({ hasText: "DJ {{Mallory}} & Co: was suspended (noise after midnight) by DJ Boss" })
      .waitFor();
    await log.filter({ hasText: "a role was granted (Organizer) by DJ Boss" }).first().waitFor();
  },
);

story(
  "a page that breaks says so, and tells the server without a word about its visitor",
  async ({ floor, pika }) => {
    const counted = async (kind: string) => {
      const metrics = await (await fetch(`${pika.url}/metrics`)).text();
      const line = new RegExp(`pika_client_errors_total\\{kind="${kind}"\\} (\\d+)`);
      return Number(line.exec(metrics)?.[1] ?? 0);
    };
    const person = await floor.person();
    await person.context.addInitScript(() => {
      Intl.NumberFormat = function broken() {
        throw new TypeError("no number of 'Ada Lovelace'");
      } as unknown as typeof Intl.NumberFormat;
    });
    const visitor = await person.open("/stats");
    const sent = visitor.page.waitForRequest("**/api/client-errors");
    await visitor.page.getByRole("heading", { name: "This page broke" }).waitFor();
    const body = (await sent).postDataJSON() as Record<string, string>;
    expect(body).toMatchObject({
      kind: "render",
      page: "stats",
      message: "TypeError: no number of…",
    });
    await eventually(() => counted("render")).toBe(1);

    await visitor.page.evaluate(() => {
      setTimeout(() => {
        throw new Error('for "ada@example.org"');
      }, 0);
      void Promise.reject(new Error("nobody waits"));
    });
    await eventually(() => counted("error")).toBe(1);
    await eventually(() => counted("rejection")).toBe(1);
    // What this story broke on purpose is no fault of the page.
    person.faults.length = 0;
  },
);
