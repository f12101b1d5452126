import { act, fireEvent, screen, waitFor } from "@testing-library/preact";
import { afterEach, describe, expect, it } from "vitest";
import { agentOf } from "../src/account/agent.ts";
import { letterFrom } from "../src/account/letters.tsx";
import { refusalWords } from "../src/account/refusals.ts";
import { described, reporter } from "../src/errors.ts";
import { Refused, type Fetch } from "../src/rest.ts";
import { routeOf } from "../src/route.ts";
import { agoOf } from "../src/times.ts";
import { account } from "../src/words/account.ts";
import { admin } from "../src/words/admin.ts";
import { setLanguage } from "../src/words/language.ts";
import { chosen, FakeApi, visit } from "./page.tsx";

afterEach(() => localStorage.clear());

const user = {
  id: "1",
  email: "ada@example.org",
  displayName: "DJ <b>Ada</b>",
  slug: "dj-ada",
  emailVerified: false,
  roles: ["dj", "dancer"],
};

/** A server that answers these routes, and notes what it was asked. */
function server(routes: Record<string, (body: unknown) => [status: number, body: unknown]>) {
  const asked: string[] = [];
  const fetch: Fetch = (path, init) => {
    const what = `${init.method} ${path}`;
    asked.push(what);
    const sent: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    const [status, body] = routes[what]?.(sent) ?? [404, { code: "not_found" }];
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  };
  return { asked, fetch };
}

async function open(path: string, fetch: Fetch) {
  const page = visit(path, new FakeApi(), fetch);
  await act(() => page.world.pass(0));
  return page;
}

describe("the account's pages", () => {
  it("show the door to a guest, and what is the person's own once they are in", async () => {
    const { fetch } = server({
      "GET /api/auth/me": () => [401, { code: "unauthorized" }],
      "POST /api/auth/login": (body) =>
        (body as { password: string }).password === "right"
          ? [200, { success: true, user, token: "pk_dj_x" }]
          : [401, { error: "Invalid email or password", code: "wrong_password" }],
    });
    await open("/account", fetch);
    await screen.findByRole("heading", { name: "Sign in" });
    const type = (label: string, value: string) =>
      fireEvent.input(screen.getByLabelText(label), { target: { value } });
    type("E-mail address", "ada@example.org");
    type("Password", "wrong");
    fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await screen.findByText("The address or the password is wrong.");
    type("Password", "right");
    fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await screen.findByText("DJ <b>Ada</b>");
    expect(document.querySelector("b")).toBeNull();
    expect(screen.getByText(/not confirmed yet/)).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Users and roles" })).toBeNull();
  });

  it("look and speak as whoever signs in chose elsewhere, at whichever part they sign in", async () => {
    const { asked, fetch } = server({
      "GET /api/auth/me": () => [401, { code: "unauthorized" }],
      "POST /api/auth/login": () => [200, { success: true, user, token: "pk_dj_x" }],
      "GET /api/auth/preferences": () => [200, chosen({ theme: "light", language: "pl" })],
    });
    await open("/account/preferences", fetch);
    const type = (label: string, value: string) =>
      fireEvent.input(screen.getByLabelText(label), { target: { value } });
    await screen.findByRole("heading", { name: "Sign in" });
    type("E-mail address", "ada@example.org");
    type("Password", "right");
    fireEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await screen.findByRole("heading", { name: account.pl.preferences });
    expect(localStorage.getItem("pika.look")).toContain("light");
    // Afterwards another part is only another part, and the language may be changed on this device. The part that was
    // opened first asks for itself.
    act(() => setLanguage("en"));
    fireEvent.click(screen.getByRole("link", { name: "My data" }));
    await screen.findByRole("heading", { name: "My data" });
    expect(asked.filter((one) => one.endsWith("/preferences"))).toHaveLength(2);
  });

  it("keep their language when whoever is signed in comes back to them", async () => {
    const { fetch } = server({
      "GET /api/auth/me": () => [200, { success: true, user }],
      "GET /api/auth/preferences": () => [200, chosen({ theme: "light", language: "pl" })],
    });
    await open("/account", fetch);
    await screen.findByRole("heading", { name: "Overview" });
    await waitFor(() => expect(localStorage.getItem("pika.look")).toContain("light"));
    expect(localStorage.getItem("pika.language")).toBeNull();
  });

  it("can be tried again when nobody answers", async () => {
    let up = false;
    const { fetch } = server({
      "GET /api/auth/me": () => (up ? [200, { success: true, user }] : [503, {}]),
    });
    await open("/account", fetch);
    await screen.findByRole("heading", { name: "This could not be loaded" });
    up = true;
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByText("DJ <b>Ada</b>");
  });

  it("offer the logins elsewhere that the server knows, and none where it knows none", async () => {
    const { fetch } = server({
      "GET /api/auth/me": () => [401, { code: "unauthorized" }],
      "GET /api/auth/providers": () => [200, [{ name: "acme", title: "Acme" }]],
    });
    await open("/account", fetch);
    const link = await screen.findByRole("link", { name: "Continue with Acme" });
    expect(link.getAttribute("href")).toBe("/api/auth/acme?next=%2Faccount");
  });
});

describe("a letter's link", () => {
  it("does nothing by itself, and leaves the address", async () => {
    const { asked, fetch } = server({
      "GET /api/auth/me": () => [401, { code: "unauthorized" }],
      "POST /api/auth/verify": () => [200, { success: true }],
    });
    await open("/account#verify=pk_ver_x", fetch);
    const button = await screen.findByRole("button", { name: "Confirm the address" });
    expect(location.hash).toBe("");
    expect(asked).not.toContain("POST /api/auth/verify");
    fireEvent.click(button);
    await screen.findByRole("heading", { name: "Your address is confirmed." });
  });

  it("is one of three", () => {
    expect(letterFrom("#reset=pk_res_x")).toEqual({ kind: "reset", code: "pk_res_x" });
    for (const other of ["", "#", "#reset", "#reset=", "#delete=x", "#constructor=x"]) {
      expect(letterFrom(other)).toBeNull();
    }
  });
});

describe("words", () => {
  it("say what a refusal means, and never what the server said in passing", () => {
    const refused = (status: number, code: string, words = "", after?: number) =>
      refusalWords(new Refused(status, code, words, after));
    expect(refused(429, "rate", "", 30)).toBe("Too often. Try again in 30 seconds.");
    expect(refused(429, "rate", "", 600)).toBe("Too often. Try again in 10 minutes.");
    expect(refused(403, "forbidden", "This account is suspended")).toContain("suspended");
    expect(refused(400, "invalid_message", "password is too easy to guess; …")).toBe(
      account.en.invalid.easyPassword,
    );
    expect(refused(404, "not_found", "the code does not hold any more; ask for a new one")).toBe(
      account.en.invalid.code,
    );
    expect(refused(409, "conflict", "nobody suspends themselves")).toBe(
      account.en.invalid.suspendSelf,
    );
    expect(refused(409, "conflict", "Email or name already taken")).toBe(account.en.taken);
    expect(refused(400, "invalid_message", "<b>odd</b>")).toBe(account.en.invalid.other);
    expect(refused(502, "")).toBe(account.en.unavailable);
    expect(refusalWords(new TypeError("fetch failed"))).toBe(account.en.unreachable);
    act(() => setLanguage("pl"));
    expect(refused(429, "rate", "", 22)).toBe("Za często. Spróbuj za 22 sekundy.");
  });

  it("name a browser as its owner does", () => {
    const chrome =
      "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/129.0 Mobile Safari/537.36";
    expect(agentOf(chrome)).toBe("Chrome · Android");
    expect(agentOf("Booth laptop")).toBe("Booth laptop");
  });

  it("tell how long ago something was", () => {
    const now = Date.parse("2026-03-01T12:00:00Z");
    expect(agoOf(now - 5 * 60_000, now)).toBe("5 minutes ago");
    expect(agoOf(now - 86_400_000, now)).toBe("yesterday");
    expect(agoOf(now + 1_000, now)).toBe("now");
  });

  it("are there for every action and role, in both languages", () => {
    expect(Object.keys(admin.pl.actions)).toEqual(Object.keys(admin.en.actions));
    expect(Object.keys(account.pl.roles)).toEqual(Object.keys(account.en.roles));
  });
});

it("leads to the new pages", () => {
  expect(routeOf("/account")).toEqual({ page: "account", part: "" });
  expect(routeOf("/account/tokens/")).toEqual({ page: "account", part: "tokens" });
  expect(routeOf("/admin/audit")).toEqual({ page: "admin", part: "audit" });
  expect(routeOf("/dj/dj-%C5%82ukasz")).toEqual({ page: "profile", slug: "dj-łukasz" });
  expect(routeOf("/dj/%FF")).toEqual({ page: "profile", slug: "%FF" });
  expect(routeOf("/stats")).toEqual({ page: "stats" });
  for (const lost of ["/account/a/b", "/stats/x", "/dj/a/b"]) {
    expect(routeOf(lost)).toEqual({ page: "lost" });
  }
});

describe("a report of an error", () => {
  it("says what broke and where, and nobody's words", () => {
    const error = new TypeError("no track 'Ada' for ada@example.org at https://x.example/s/friday");
    error.stack = "TypeError: x\n    at f (https://pika.example/assets/index-1a2b.js:1:2345)";
    expect(described(error)).toEqual({
      message: "TypeError: no track… for … at …",
      place: "assets/index-1a2b.js:1:2345",
    });
    expect(described("pk_ses_secret").message).toBe("a string was thrown");
    expect(described(new Error("x".repeat(1_000))).message).toHaveLength(300);
  });

  it("is sent once, and not without end", () => {
    const sent: string[] = [];
    const report = reporter(
      (_, init) => {
        sent.push(String(init.body));
        return Promise.reject(new Error("offline"));
      },
      () => "live",
    );
    const error = new Error("again");
    for (let i = 0; i < 10; i += 1) report("error", error);
    expect(sent).toHaveLength(1);
    for (let i = 0; i < 10; i += 1) report("error", new Error(`number ${i}`));
    expect(sent).toHaveLength(5);
    expect(sent.every((body) => JSON.parse(body).page === "live")).toBe(true);
  });
});
