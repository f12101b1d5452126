// A DJ of a story at the console in a browser; and the wall of the hall.

import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import type { Floor, Person } from "./dancer.ts";
import { eventually, picture } from "./dancer.ts";
import type { Pika } from "./pika.ts";

export const LAPTOP = {
  viewport: { width: 1280, height: 900 },
  deviceScaleFactor: 1,
  hasTouch: false,
  isMobile: false,
} satisfies BrowserContextOptions;

export const BEAMER = {
  ...LAPTOP,
  viewport: { width: 1280, height: 720 },
} satisfies BrowserContextOptions;

const PASSWORD = "correct horse battery 9";
let people = 0;

/** An account that can sign in. */
export async function account(pika: Pika, displayName: string) {
  people += 1;
  const email = `dj-${people}-${process.pid}@example.org`;
  const response = await fetch(`${pika.url}/api/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Pika-Client": "pika-e2e" },
    body: JSON.stringify({ email, password: PASSWORD, displayName }),
  });
  if (response.status !== 201) throw new Error(`signing up was answered ${response.status}`);
  return { email, password: PASSWORD };
}

export class Booth {
  readonly title: Locator;
  readonly connection: Locator;
  readonly waiting: Locator;

  constructor(
    readonly person: Person,
    readonly page: Page,
  ) {
    this.title = page.getByTestId("dj-title");
    this.connection = page.getByTestId("connection-state");
    this.waiting = page.getByTestId("dj-waiting");
  }

  static async open(floor: Floor, options: BrowserContextOptions = LAPTOP): Promise<Booth> {
    const person = await floor.person(options);
    const { page } = await person.open("/dj");
    return new Booth(person, page);
  }

  /** Goes live without an account, as a server in development allows it. */
  static async guest(
    floor: Floor,
    name: string,
    options: BrowserContextOptions = LAPTOP,
  ): Promise<Booth> {
    const booth = await Booth.open(floor, options);
    await booth.goesLive(name);
    return booth;
  }

  async goesLive(name: string): Promise<void> {
    await this.page.getByText("Without an account").click();
    await this.page.getByLabel("Your name, as dancers see it").fill(name);
    await this.page.getByRole("button", { name: "Go live" }).click();
    await this.isLive();
  }

  isLive = () => eventually(() => this.connection.getAttribute("data-state")).toBe("live");
  isCutOff = () => eventually(() => this.connection.getAttribute("data-state")).not.toBe("live");

  /** The address of the wall; it names the session. */
  async wallPath(): Promise<string> {
    const link = this.page.getByRole("link", { name: "Open the projector" });
    return (await link.getAttribute("href")) ?? "";
  }

  async floorPath(): Promise<string> {
    return (await this.wallPath()).replace("/p/", "/s/").replace(/\?.*/, "");
  }

  async play(title: string, artist = "The Testers", bpm = ""): Promise<void> {
    const hand = this.page.getByRole("region", { name: "By hand" });
    await hand.getByLabel("Title").fill(title);
    await hand.getByLabel("Artist").fill(artist);
    await hand.getByLabel("BPM").fill(bpm);
    await hand.getByRole("button", { name: "Play" }).click();
  }

  async paste(lines: string): Promise<void> {
    const box = this.page.getByRole("textbox", { name: "Lines or an M3U" });
    if (!(await box.isVisible())) await this.page.getByText("Lines or an M3U").first().click();
    await box.fill(lines);
    await this.page.getByRole("button", { name: "Take over" }).click();
  }

  picture = (name: string) => picture(this.page, name);
}
