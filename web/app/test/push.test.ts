// What the service worker makes of a push.

import { expect, test } from "vitest";
import { announce, opened } from "../src/sw-push.ts";

interface Note {
  title: string;
  tag: string;
  data: number;
  renotify: boolean;
}

function world(...open: { url: string; visibilityState: string }[]) {
  const notes: Note[] = [];
  const said: string[] = [];
  const pages = {
    matchAll: () =>
      Promise.resolve(
        open.map(({ url, visibilityState }) => {
          const focus = () => Promise.resolve(said.push(`to ${url}`));
          return { url, visibilityState, focus };
        }),
      ),
    openWindow: (path: string) => Promise.resolve(said.push(`open ${path}`)),
  };
  const here = {
    getNotifications: ({ tag }: { tag: string }) =>
      Promise.resolve(
        notes.filter((note) => note.tag === tag).map(({ data }) => ({ data, close: () => {} })),
      ),
    showNotification: (title: string, options: object) => {
      const { tag, data, renotify } = options as Note;
      const at = notes.findIndex((note) => note.tag === tag);
      notes.splice(at < 0 ? notes.length : at, 1, { title, tag, data, renotify });
      return Promise.resolve();
    },
  };
  return { notes, said, pages, tell: (data: unknown) => announce(here, pages, data) };
}

const SAID = {
  type: "announcement",
  sessionId: "friday-night",
  djName: "DJ Test",
  message: "Social at ten",
  timestamp: "2026-01-24T20:00:00.000Z",
  seq: 7,
};

test("the same announcement twice is one, and only a newer one makes a sound", async () => {
  const { tell, notes } = world();
  await tell(SAID);
  await tell(SAID);
  expect(notes.map(({ data, renotify }) => [data, renotify])).toEqual([[7, false]]);
  await tell({ ...SAID, seq: 8 });
  await tell(SAID);
  expect(notes.map(({ data, renotify }) => [data, renotify])).toEqual([[8, true]]);
  await tell({ ...SAID, sessionId: "monday-night" });
  expect(notes.length).toBe(2);
});

test("whoever looks at the session's page is not told twice", async () => {
  const page = { url: "https://pika.example/s/friday-night", visibilityState: "visible" };
  const looking = world(page);
  await looking.tell(SAID);
  expect(looking.notes).toEqual([]);
  for (const other of [
    { ...page, visibilityState: "hidden" },
    { ...page, url: "https://pika.example/" },
  ]) {
    const elsewhere = world(other);
    await elsewhere.tell(SAID);
    expect(elsewhere.notes.length).toBe(1);
  }
});

test("what is over, or no announcement, is not shown", async () => {
  const { tell, notes } = world();
  const bad = [
    { ...SAID, endsAt: new Date(Date.now() - 1).toISOString() },
    { ...SAID, type: "poll" },
    { ...SAID, seq: "7" },
    { ...SAID, message: undefined },
    null,
    "text",
    [],
  ];
  for (const data of bad) await tell(data);
  expect(notes).toEqual([]);
});

test("a press brings the page that is open, or opens it", async () => {
  const open = world({ url: "https://pika.example/s/friday-night", visibilityState: "hidden" });
  await opened(open.pages, "announcement-friday-night");
  expect(open.said).toEqual(["to https://pika.example/s/friday-night"]);
  const none = world();
  await opened(none.pages, "announcement-friday-night");
  expect(none.said).toEqual(["open /s/friday-night"]);
});
