import { act, fireEvent, screen, waitFor, within } from "@testing-library/preact";
import { ack, ID, join, nowPlaying, song } from "@pika/client/test-world";
import { afterEach, describe, expect, it } from "vitest";
import { FakeApi, visit } from "./page.tsx";

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

async function atTheDesk(state: unknown[] = []) {
  const page = await door({ "/api/sessions": [201, BEGUN] });
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
    expect(asked.at(-1)?.headers).toMatchObject({ "X-Pika-Client": "pika-web" });
    expect(localStorage.length).toBe(0);
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

  it("ends only after it was asked, and not when it is undone in time", async () => {
    const { socket, pass } = await atTheDesk([nowPlaying("One")]);
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
  });
});
