// Announcements that come while no page is open. They are shown as the DJ wrote them, so no sentence of ours is needed: a service
// worker does not know which language its person chose.

interface Announcement {
  readonly sessionId: string;
  readonly djName: string;
  readonly message: string;
  readonly timestamp: number;
  readonly endsAt: number | undefined;
  /** The announcement's place: two messages with the same are one. */
  readonly seq: number;
}

interface Shown {
  readonly data: unknown;
  close(): void;
}

interface Registration {
  getNotifications(filter: { tag: string }): Promise<Shown[]>;
  showNotification(title: string, options: object): Promise<void>;
}

interface Page {
  readonly url: string;
  readonly visibilityState: string;
  focus(): Promise<unknown>;
}

export interface Pages {
  matchAll(filter: { type: "window"; includeUncontrolled: boolean }): Promise<readonly Page[]>;
  openWindow(path: string): Promise<unknown>;
}

const ALL = { type: "window", includeUncontrolled: true } as const;

export async function announce(here: Registration, pages: Pages, data: unknown): Promise<void> {
  const said = read(data);
  if (said === undefined || (said.endsAt !== undefined && said.endsAt <= Date.now())) return;
  const { sessionId, djName, message, timestamp, seq } = said;
  const open = await pages.matchAll(ALL);
  // Whoever looks at the page reads it there.
  if (open.some((page) => page.visibilityState === "visible" && shows(page, sessionId))) return;
  // One a session: the newer takes the older one's place. The same one again makes no sound.
  const tag = `announcement-${sessionId}`;
  const before = (await here.getNotifications({ tag })).map(({ data: kept }) => Number(kept));
  if (before.some((one) => one > seq)) return;
  await here.showNotification(djName, {
    body: message,
    tag,
    timestamp,
    renotify: before.length > 0 && !before.includes(seq),
    icon: "/icon-192.png",
    data: seq,
  });
}

/** Brings the session's page to the front, or opens it. */
export async function opened(pages: Pages, tag: string): Promise<void> {
  const sessionId = tag.replace(/^announcement-/, "");
  const open = (await pages.matchAll(ALL)).find((page) => shows(page, sessionId));
  await (open === undefined ? pages.openWindow(pathOf(sessionId)) : open.focus());
}

function shows(page: Page, sessionId: string): boolean {
  return new URL(page.url).pathname === pathOf(sessionId);
}

function pathOf(sessionId: string): string {
  return `/s/${encodeURIComponent(sessionId)}`;
}

/** What a push says, if it says an announcement. Only our server can seal one, and still each field is looked at. */
function read(data: unknown): Announcement | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const fields = data as Readonly<Record<string, unknown>>;
  const { type, sessionId, djName, message, seq } = fields;
  const moment = (name: string) => Date.parse(String(fields[name]));
  if (type !== "announcement" || typeof sessionId !== "string" || typeof seq !== "number")
    return undefined;
  if (typeof djName !== "string" || typeof message !== "string") return undefined;
  const [timestamp, endsAt] = [moment("timestamp"), moment("endsAt")];
  return {
    sessionId,
    djName,
    message,
    seq,
    timestamp: Number.isNaN(timestamp) ? Date.now() : timestamp,
    endsAt: Number.isNaN(endsAt) ? undefined : endsAt,
  };
}
