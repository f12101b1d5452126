// Every page as a picture, at the size of a phone and of a desk, of one real evening. All of them go to web/dist-pictures;
// those that the README shows go to docs/pictures, compressed.

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { eventually } from "./support/dancer.ts";
import { Dj, Ear, type Track } from "./support/dj.ts";
import { SAMPLE } from "./support/parts.ts";
import { signedIn, signUp } from "./support/people.ts";
import type { Pika } from "./support/pika.ts";
import { accountStory as story } from "./support/story.ts";

const ALL = resolve(import.meta.dirname, "../dist-pictures");
const CHOSEN = resolve(import.meta.dirname, "../../docs/pictures");

/** What the README shows. Not more than eight, and none over 150 kB. */
const SHOWN = new Set([
  "live-phone",
  "recap-phone",
  "sign-in-phone",
  "console-desk",
  "projector-desk",
  "recap-desk",
  "admin-desk",
  "dj-desk",
]);

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, locale: "en-GB" };
const DESK = {
  viewport: { width: 1200, height: 800 },
  deviceScaleFactor: 1,
  hasTouch: false,
  isMobile: false,
  locale: "en-GB",
};

const MINUTE = 60_000;
const PEOPLE = 12;

story("every page, photographed", async ({ floor, pika }) => {
  for (const folder of [ALL, CHOSEN]) await mkdir(folder, { recursive: true });
  const someone = await signUp(pika, "DJ Kryspin");
  await pika.admin("grant", someone.email, "admin");
  await tellOf(pika, someone.token, someone.email);
  const past = await evening(pika, someone.token);
  const poll = await past.dj.ask("Slower now?", ["Yes", "No", "A little"]);
  await past.vote([0, 0, 1, 2, 2, 0, 2, 0, 1, 2, 0, 0]);
  await poll.end();
  await past.dj.end();
  past.leave();
  const now = await evening(pika, someone.token);
  await now.dj.announce("Taster class at eleven, in the small hall");
  await now.dj.ask("What comes next?", ["Blues", "Lyrical", "Old school"], {
    durationSeconds: 300,
  });
  await now.vote([0, 0, 1, 0, 2, 1, 0, 0, 2, 1, 0, 1]);

  const guests: readonly Shot[] = [
    ["home", "/", ".only"],
    ["join", "/j/zzzzzz"],
    ["live", now.dj.path, "[data-testid=poll]"],
    ["projector", `/p/${now.dj.session}`],
    ["console-door", "/dj"],
    ["recap", `${past.dj.path}/recap`, ".plot:last-of-type canvas"],
    ["dj", "/dj/dj-kryspin"],
    ["stats", "/stats"],
    ["sign-in", "/account"],
    ["register", "/account/register"],
    ["forgotten", "/account/forgotten"],
    ["reset", "/account#reset=x"],
    ["verify", "/account#verify=x"],
    ["change", "/account#change=x"],
    ["over", past.dj.path, "[data-testid=session-ended]"],
    ["lost", "/nowhere"],
  ];
  const owners: readonly Shot[] = [
    ["account", "/account"],
    ["profile", "/account/profile"],
    ["sessions", "/account/sessions"],
    ["tokens", "/account/tokens"],
    ["security", "/account/security"],
    ["preferences", "/account/preferences"],
    ["device", "/account/device"],
    ["data", "/account/data"],
    ["likes", "/likes"],
    ["recap-owner", `${past.dj.path}/recap`, ".plot:last-of-type canvas"],
    ["admin", "/admin"],
    ["audit", "/admin/audit"],
  ];
  for (const [size, options] of [
    ["phone", PHONE],
    ["desk", DESK],
  ] as const) {
    const guest = await floor.visit("/", options);
    for (const shot of guests) await take(guest.page, shot, size);
    // The service worker has long had it all.
    await guest.page.context().setOffline(true);
    await take(guest.page, ["offline", "/", "[data-testid=offline]"], size);
    const owner = await signedIn(floor, someone, "/account", options);
    for (const shot of owners) await take(owner.page, shot, size);
    if (size === "phone") continue;
    // Last, since another evening would change what the other pages show.
    await goLive(owner.page);
    await take(owner.page, ["console", "/dj", "[data-testid=dj-track-likes]"], size);
    await owner.page.setViewportSize(PHONE.viewport);
    await take(owner.page, ["console", "/dj", "[data-testid=dj-track-likes]"], "phone");
    await owner.page.getByRole("button", { name: "Show the remote’s code" }).click();
    const link = (await owner.page.getByTestId("dj-remote").getAttribute("href")) ?? "";
    const remote = await floor.visit("/", PHONE);
    await take(remote.page, ["remote", link, "[data-testid=dj-title]"], "phone");
  }
  await now.dj.end();
  now.leave();
});

/** What is there once the page is whole: where nothing is named, its heading is enough. */
type Shot = readonly [name: string, path: string, whole?: string];

async function take(page: Page, [what, path, whole = "h1"]: Shot, size: string): Promise<void> {
  const name = `${what}-${size}`;
  // An address that differs behind `#` alone would not be opened anew.
  if (path.includes("#")) await page.goto("about:blank");
  await page.goto(path);
  await page.locator(whole).first().waitFor();
  await page.locator(".pending, .loading").first().waitFor({ state: "detached" });
  // Pictures of what moves are pictures of where it comes to rest.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(ALL, `${name}.png`), fullPage: true });
  if (!SHOWN.has(name)) return;
  await page.screenshot({ path: join(CHOSEN, `${name}.jpg`), type: "jpeg", quality: 80 });
}

/** The console with a track on it that somebody likes. */
async function goLive(page: Page): Promise<void> {
  await page.goto("/dj");
  await page.getByRole("button", { name: "Go live" }).click();
  for (const { title, artist, bpm } of sample(4)) {
    await page.getByLabel("Title").fill(title);
    await page.getByLabel("Artist").fill(artist);
    await page.getByLabel("BPM").fill(String(bpm));
    await page.getByRole("button", { name: "Play", exact: true }).first().click();
    await page.getByTestId("dj-title").filter({ hasText: title }).waitFor();
  }
}

async function tellOf(pika: Pika, token: string, email: string): Promise<void> {
  const headers = { "Content-Type": "application/json", "X-Pika-Client": "pika-e2e" };
  const body = { email, password: "blue suede shoes 7", name: "pictures" };
  const pair = await fetch(`${pika.url}/api/auth/token`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  const { accessToken } = (await pair.json()) as { accessToken: string };
  const told = {
    bio: "West coast swing from the first blues to the last slow song. Wishes are heard.",
    genres: ["Blues", "R&B", "Lyrical", "Acoustic"],
    website: "https://pika.example.org",
    socialLinks: { mixcloud: "https://mixcloud.example.org/pika" },
  };
  const answer = await fetch(`${pika.url}/api/auth/profile`, {
    method: "PATCH",
    headers: { ...headers, Authorization: `Bearer ${accessToken}` },
    body: JSON.stringify(told),
  });
  if (!answer.ok) throw new Error(`the profile was answered ${answer.status} (${token.length})`);
}

/** Ten tracks over forty minutes, liked and wished about by a dozen people. */
async function evening(pika: Pika, token: string) {
  const dj = await Dj.live(pika, "DJ Kryspin", token);
  const crowd = await Promise.all(Array.from({ length: PEOPLE }, () => dj.listen()));
  const tracks = sample(10);
  const begun = Date.now() - tracks.length * 4 * MINUTE;
  let liked = 0;
  for (const [i, track] of tracks.entries()) {
    await dj.say({
      type: "BROADCAST_TRACK",
      track,
      playedAt: new Date(begun + i * 4 * MINUTE).toISOString(),
    });
    await Promise.all(crowd.map((ear) => heard(ear, track.title)));
    for (const [place, ear] of crowd.entries()) {
      if ((place * 7 + i * 5) % 11 >= 3 + ((i * 3) % 7)) continue;
      ear.say({ type: "SEND_LIKE", sessionId: dj.session, payload: { track } });
      liked += 1;
    }
    for (const [place, ear] of crowd.slice(0, 5).entries()) {
      const preference = ["faster", "perfect", "slower"][(place + i) % (i < 5 ? 2 : 3)];
      ear.say({ type: "SEND_TEMPO_REQUEST", sessionId: dj.session, preference });
    }
  }
  await eventually(async () =>
    Object.values(await dj.likes()).reduce((sum, one) => sum + one, 0),
  ).toBe(liked);
  return {
    dj,
    leave: () => crowd.forEach((ear) => ear.leave()),
    vote: async (choices: number[]) => {
      for (const [place, ear] of crowd.entries()) {
        const { pollId } = await ear.hear("POLL_STARTED");
        const optionIndex = choices[place] ?? 0;
        ear.say({ type: "VOTE_ON_POLL", pollId, optionIndex, clientId: `phone-${place}-pictures` });
        await ear.hear("VOTE_CONFIRMED");
      }
    },
  };
}

/** A newer track may stand in for an older one that was not said yet, so any of them will do. */
async function heard(ear: Ear, title: string): Promise<void> {
  for (;;) {
    const { track } = (await ear.hear("NOW_PLAYING")) as unknown as { track: Track };
    if (track.title === title) return;
  }
}

/** The file is written as a program writes XML. */
const plain = (text: string) => text.replaceAll("&amp;", "&");

function sample(count: number): Track[] {
  const lines = readFileSync(SAMPLE, "utf8").split("\n");
  const named = lines.map((line) => /<artist>(.+?)<.*<title>(.+?)<.*<bpm>(\d+)</.exec(line));
  return named
    .filter((one) => one !== null)
    .slice(0, count)
    .map(([, artist = "", title = "", bpm], i) => ({
      artist: plain(artist),
      title: plain(title),
      bpm: Number(bpm),
      key: ["Am", "C", "F#m", "G"][i % 4] ?? "Am",
    }));
}
