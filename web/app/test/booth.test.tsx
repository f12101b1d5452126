import { act, fireEvent, screen, waitFor, within } from "@testing-library/preact";
import { ack, ID, join, nack, nowPlaying, song } from "../../client/test/world.ts";
import { afterEach, describe, expect, it } from "vitest";
import { chosen, FakeApi, visit } from "./page.tsx";

const BEGUN = {
  sessionId: ID,
  djName: "DJ Test",
  ownerToken: "pk_own_secret",
  joinUrl: "https://pika.example/j/K7M2QX",
  joinCode: "K7M2QX",
};

afterEach(() => localStorage.clear());

/** A server's REST side in a test's hands: what was asked, and what each path answers. */
function server(answers: Record<string, [number, unknown]>) {
  const asked: { path: string; body: unknown; headers: unknown }[] = [];
  const fetch = (path: string, init: RequestInit) => {
    const body = typeof init.body === "string" ? (JSON.parse(init.body) as unknown) : undefined;
    asked.push({ path, body, headers: init.headers });
    const [status, answer] = answers[path] ?? [503, { error: "Temporarily unavailable" }];
    return Promise.resolve(new Response(JSON.stringify(answer), { status }));
  };
  return { fetch, asked, answers };
}

async function door(answers: Record<string, [number, unknown]>) {
  const rest = server({ "/api/auth/me": [401, { error: "Sign in" }], ...answers });
  const page = visit("/dj", new FakeApi(), rest.fetch);
  await screen.findByRole("heading", { name: "Sign in" });
  return { ...page, ...rest };
}

async function atTheDesk(state: unknown[] = [], answers: Record<string, [number, unknown]> = {}) {
  const page = await door({ "/api/sessions": [201, BEGUN], ...answers });
  fireEvent.input(screen.getByLabelText("Your name, as dancers see it"), {
    target: { value: "DJ Test" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Go live" }));
  await screen.findByRole("region", { name: "By hand" });
  // What is loaded later runs its effects when the browser has painted.
  await waitFor(() => expect(page.world.sockets).toHaveLength(1));
  const { socket } = page.world;
  await act(async () => {
    join(page.world, state);
    ack(socket, "REGISTER_SESSION");
    await page.world.pass(300);
  });
  const pass = (ms: number) => act(() => page.world.pass(ms));
  return { ...page, socket, pass };
}

describe("the DJ's doorstep", () => {
  it("says what a refused sign-in means, and greets by name", async () => {
    const { answers, asked } = await door({ "/api/auth/login": [401, { error: "Wrong" }] });
    const press = () => fireEvent.submit(screen.getByRole("form", { name: "Sign in" }));
    press();
    await screen.findByText("That address and that password do not belong together.");
    answers["/api/auth/login"] = [429, {}];
    press();
    await screen.findByText(/Too many tries/);
    answers["/api/auth/login"] = [200, { user: { displayName: "DJ Ada" }, token: "pk_dj_x" }];
    press();
    await screen.findByText("DJ Ada");
    const tries = asked.filter(({ path }) => path === "/api/auth/login");
    expect(tries.at(-1)?.headers).toMatchObject({ "X-Pika-Client": "pika-web" });
    expect(localStorage.length).toBe(0);
  });

  it("leads whoever cannot sign in yet to an account, a new password and other ways in", async () => {
    await door({ "/api/auth/providers": [200, [{ name: "demo", title: "Demo" }]] });
    const href = (name: string) => screen.getByRole("link", { name }).getAttribute("href");
    expect(href("Make an account")).toBe("/account/register");
    expect(href("Forgotten the password?")).toBe("/account/forgotten");
    await screen.findByRole("link", { name: "Continue with Demo" });
    expect(href("Continue with Demo")).toBe("/api/auth/demo?next=%2Fdj");
  });

  it("looks as the DJ who signs in there chose elsewhere", async () => {
    await door({
      "/api/auth/login": [200, { user: { displayName: "DJ Ada" }, token: "pk_dj_x" }],
      "/api/auth/preferences": [200, chosen({ theme: "light" })],
    });
    fireEvent.submit(screen.getByRole("form", { name: "Sign in" }));
    await screen.findByText("DJ Ada");
    await waitFor(() => expect(localStorage.getItem("pika.look")).toContain("light"));
  });

  it("goes live once, however often it is asked while nobody answers", async () => {
    const { answers, asked } = await door({});
    fireEvent.input(screen.getByLabelText("Your name, as dancers see it"), {
      target: { value: "DJ Test" },
    });
    fireEvent.click(screen.getByRole("button", { name: "Go live" }));
    await screen.findByText(/cannot be reached/);
    answers["/api/sessions"] = [401, { error: "Sign in first" }];
    fireEvent.click(screen.getByRole("button", { name: "Go live" }));
    await screen.findByText("This server wants DJs to sign in.");
    const wishes = asked.filter(({ path }) => path === "/api/sessions").map(({ body }) => body);
    expect(wishes).toHaveLength(2);
    expect(wishes[0]).toEqual(wishes[1]);
  });
});

describe("the console", () => {
  it("plays by hand, and says what waits", async () => {
    const { socket, pass } = await atTheDesk();
    fireEvent.input(screen.getByLabelText("Title"), { target: { value: " One " } });
    fireEvent.input(screen.getByLabelText("Artist"), { target: { value: "Band" } });
    fireEvent.input(screen.getByLabelText("BPM"), { target: { value: "96" } });
    fireEvent.click(within(screen.getByRole("region", { name: "By hand" })).getByText("Play"));
    expect(socket.said("BROADCAST_TRACK")[0]).toMatchObject({
      track: { title: "One", artist: "Band", bpm: 96 },
    });
    await act(async () => socket.lose());
    await pass(300);
    expect(screen.getByTestId("dj-waiting").textContent).toContain("1 word to send");
    expect(document.querySelector(".desk")?.getAttribute("data-stale")).toBe("true");
  });

  it("plays the pasted list from the top, and empties it with a way back", async () => {
    const { socket, pass } = await atTheDesk();
    fireEvent.input(screen.getByRole("textbox", { name: "Lines or an M3U" }), {
      target: { value: "Prince - Kiss\nA - B\n \n" },
    });
    fireEvent.click(screen.getByRole("button", { name: "Take over" }));
    expect(screen.getByTestId("dj-list-note").textContent).toBe("2 tracks taken over");
    fireEvent.click(screen.getByTestId("dj-next"));
    expect(socket.said("BROADCAST_TRACK")[0]).toMatchObject({ track: song("Kiss", "Prince") });
    expect(screen.getByTestId("dj-next").textContent).toContain("B – A");
    fireEvent.click(screen.getByRole("button", { name: "Empty the list" }));
    expect(screen.getByTestId("dj-next").hasAttribute("disabled")).toBe(true);
    fireEvent.click(screen.getByRole("button", { name: "Undo" }));
    await pass(0);
    expect(screen.getByTestId("dj-next").textContent).toContain("B – A");
  });

  it("asks a poll from a template only when it is one, and says why it was refused", async () => {
    const { socket, pass } = await atTheDesk();
    fireEvent.click(screen.getByRole("button", { name: "Start the poll" }));
    expect(screen.getByText(/needs a question and two different answers/)).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Tempo" }));
    fireEvent.click(screen.getByRole("button", { name: "Start the poll" }));
    await pass(0);
    const asked = socket.said("START_POLL")[0];
    expect(asked).toMatchObject({
      options: ["Slower", "As it is", "Faster"],
      durationSeconds: 60,
      allowChange: true,
    });
    socket.tell({ type: "NACK", messageId: asked?.["messageId"], error: "A poll is open" });
    await pass(0);
    expect(screen.getByRole("alert").textContent).toContain("A poll is open");
  });

  it("notifies phones of the one announcement that was ticked, and once", async () => {
    const { socket, pass } = await atTheDesk();
    const form = within(screen.getByRole("region", { name: "Announcement" }));
    const phones = form.getByRole<HTMLInputElement>("checkbox", { name: /^Also notify phones/ });
    const announce = (message: string) => {
      fireEvent.input(form.getByRole("textbox"), { target: { value: message } });
      fireEvent.click(form.getByRole("button", { name: "Announce" }));
    };
    const pushed = () => socket.said("SEND_ANNOUNCEMENT").map(({ push }) => push);
    expect(phones.checked).toBe(false);
    fireEvent.click(phones);
    announce("Social at ten");
    await pass(0);
    fireEvent.click(form.getByRole("button", { name: "Announce" }));
    expect(pushed()).toEqual([true]);
    // One that was refused is there to be sent again, as it was.
    await act(async () => nack(socket, "SEND_ANNOUNCEMENT", "Rate limit exceeded"));
    await pass(0);
    expect(phones.checked).toBe(true);
    fireEvent.click(form.getByRole("button", { name: "Announce" }));
    await act(async () => ack(socket, "SEND_ANNOUNCEMENT"));
    await pass(0);
    expect(phones.checked).toBe(false);
    announce("Water is at the bar");
    expect(pushed()).toEqual([true, true, false]);
  });

  it("offers no notifications where the server has none to give", async () => {
    const page = await atTheDesk([], { "/api/push/key": [404, { code: "not_found" }] });
    await waitFor(() =>
      expect(screen.queryByRole("checkbox", { name: /notify phones/ })).toBeNull(),
    );
    fireEvent.input(screen.getByLabelText("What shall everybody read?"), {
      target: { value: "Water is at the bar" },
    });
    fireEvent.click(screen.getByRole("button", { name: "Announce" }));
    expect(page.socket.said("SEND_ANNOUNCEMENT")).toMatchObject([{ push: false }]);
  });

  it("says when a server tells everybody what a poll was to hide", async () => {
    const { socket, pass } = await atTheDesk();
    const start = async (told: object) => {
      fireEvent.click(screen.getByRole("button", { name: "Tempo" }));
      const hides = screen.getByRole<HTMLInputElement>("checkbox", { name: /^Only I see/ });
      if (!hides.checked) fireEvent.click(hides);
      fireEvent.click(screen.getByRole("button", { name: "Start the poll" }));
      await pass(0);
      const { question, options } = socket.said("START_POLL").at(-1) ?? {};
      await act(async () => ack(socket, "START_POLL"));
      socket.tell({ type: "POLL_STARTED", sessionId: ID, question, options, ...told });
      await pass(300);
    };
    const warned = () => screen.queryByText(/cannot hide results/) !== null;
    await start({ pollId: 7 });
    expect(warned()).toBe(true);
    const over = { type: "POLL_ENDED", pollId: 7, results: [0, 0, 0], totalVotes: 0 };
    socket.tell({ ...over, winnerIndex: -1 });
    await pass(300);
    expect(warned()).toBe(false);
    fireEvent.click(screen.getByRole("button", { name: "New poll" }));
    await start({ pollId: 8, hideResults: true });
    expect(warned()).toBe(false);
  });

  it("hides results as the DJ did it last, and nothing before they asked for it", async () => {
    const { socket, pass } = await atTheDesk();
    const hides = () => screen.getByRole<HTMLInputElement>("checkbox", { name: /^Only I see/ });
    const ask = async (pollId: number) => {
      fireEvent.click(screen.getByRole("button", { name: "Tempo" }));
      fireEvent.click(screen.getByRole("button", { name: "Start the poll" }));
      await pass(0);
      const { question, options, hideResults } = socket.said("START_POLL").at(-1) ?? {};
      await act(async () => ack(socket, "START_POLL"));
      const over = { pollId, results: [0, 0, 0], totalVotes: 0, winnerIndex: -1 };
      socket.tell(
        { type: "POLL_STARTED", sessionId: ID, pollId, question, options, hideResults },
        { type: "POLL_ENDED", ...over },
      );
      await pass(300);
      fireEvent.click(screen.getByRole("button", { name: "New poll" }));
      return hideResults;
    };
    expect(hides().checked).toBe(false);
    expect(screen.getByText("Ending the poll tells them to everybody.")).toBeTruthy();
    fireEvent.click(hides());
    expect(await ask(7)).toBe(true);
    expect(hides().checked).toBe(true);
    expect(await ask(8)).toBe(true);
    fireEvent.click(hides());
    expect(await ask(9)).toBe(false);
    expect(hides().checked).toBe(false);
  });

  it("takes a poll back, so that it has no result", async () => {
    const { socket, pass } = await atTheDesk();
    const poll = { type: "POLL_STARTED", sessionId: ID, question: "Next?", options: ["A", "B"] };
    socket.tell({ ...poll, pollId: 7 });
    await pass(300);
    fireEvent.click(screen.getByRole("button", { name: "Take it back" }));
    await pass(0);
    expect(socket.said("CANCEL_POLL")).toMatchObject([{ pollId: 7 }]);
    expect(socket.said("END_POLL")).toEqual([]);
    await act(async () => nack(socket, "CANCEL_POLL", "Poll not found or already ended"));
    await pass(0);
    expect(screen.getByRole("alert").textContent).toContain("that poll is over already");
    const over = { pollId: 7, results: [0, 0], totalVotes: 0, winnerIndex: -1 };
    socket.tell({ type: "POLL_ENDED", ...over });
    await pass(300);
    expect(screen.getByText(/It ended without a result/)).toBeTruthy();
  });

  it("gives the projector's link what its switch says", async () => {
    await atTheDesk();
    const link = () => screen.getByRole("link", { name: "Open the projector" });
    const reveal = screen.getByRole("checkbox", { name: /^Show results on the projector/ });
    expect(link().getAttribute("href")).toBe(`/p/${ID}`);
    fireEvent.click(reveal);
    await waitFor(() => expect(link().getAttribute("href")).toBe(`/p/${ID}?results=live`));
    fireEvent.click(reveal);
    await waitFor(() => expect(link().getAttribute("href")).toBe(`/p/${ID}`));
  });

  it("ends only after it was asked, and not when it is undone in time", async () => {
    const { api, socket, pass } = await atTheDesk([nowPlaying("One")]);
    const over = { sessionId: ID, djName: "DJ Test", djSlug: "dj-test", totalLikes: 0, tracks: [] };
    api.recaps.set(ID, over);
    const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
    press("End the session");
    press("Go on playing");
    press("End the session");
    press("Yes, end it");
    for (let second = 0; second < 4; second += 1) await pass(1_000);
    press("Undo");
    for (let second = 0; second < 6; second += 1) await pass(1_000);
    expect(socket.said("END_SESSION")).toEqual([]);
    press("End the session");
    press("Yes, end it");
    for (let second = 0; second < 5; second += 1) await pass(1_000);
    expect(socket.said("END_SESSION")).toHaveLength(1);
    socket.tell({ type: "SESSION_ENDED", sessionId: ID });
    await pass(300);
    expect(screen.getByRole("heading", { name: "That was your session." })).toBeTruthy();
    const href = (name: string) => screen.getByRole("link", { name }).getAttribute("href");
    expect(href("See the recap")).toBe(`/s/${ID}/recap`);
    await screen.findByRole("link", { name: "Your page" });
    expect(href("Your page")).toBe("/dj/dj-test");
  });

  it("offers to tell a hidden poll's result before the session ends", async () => {
    const { socket, pass } = await atTheDesk();
    const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
    const offer = () => screen.queryByRole("button", { name: "End the poll first" });
    const poll = { type: "POLL_STARTED", sessionId: ID, question: "Next?", options: ["A", "B"] };
    socket.tell({ ...poll, pollId: 7 });
    await pass(300);
    press("End the session");
    expect(offer()).toBeNull();
    const ended = { type: "POLL_ENDED", results: [0, 1], totalVotes: 1, winnerIndex: 1 };
    socket.tell({ ...ended, pollId: 7 }, { ...poll, pollId: 8, hideResults: true });
    await pass(300);
    expect(screen.getByRole("alertdialog").textContent).toContain("only you see them");
    press("End the poll first");
    await pass(0);
    expect(socket.said("END_POLL")).toMatchObject([{ pollId: 8 }]);
    await act(async () => ack(socket, "END_POLL"));
    socket.tell({ ...ended, pollId: 8 });
    await pass(300);
    expect(offer()).toBeNull();
    expect(document.activeElement?.textContent).toBe("Go on playing");
    expect(socket.said("END_SESSION")).toEqual([]);
    press("Yes, end it");
    for (let second = 0; second < 5; second += 1) await pass(1_000);
    expect(socket.said("END_SESSION")).toHaveLength(1);
  });
});
