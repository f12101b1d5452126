// A dancer of a story: a phone with one person's cookies, and the page on it.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from "playwright-core";
import { expect } from "vitest";

export const PHONE = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
  locale: "en-GB",
} satisfies BrowserContextOptions;

/** How long anything in a story may take before the story has failed. */
const PATIENCE = 15_000;

/** Asks again and again until the expectation holds. */
export function eventually<T>(ask: () => T | Promise<T>, patience = PATIENCE) {
  return expect.poll(ask, { timeout: patience, interval: 50 });
}

/** All phones of a story. What went wrong inside any of them fails the story, whatever it was about. */
export class Floor {
  private readonly people: Person[] = [];

  constructor(
    private readonly browser: Browser,
    private readonly url: string,
  ) {}

  /** Somebody new, with a phone of their own. */
  async person(options: BrowserContextOptions = {}): Promise<Person> {
    const context = await this.browser.newContext({ ...PHONE, baseURL: this.url, ...options });
    context.setDefaultTimeout(PATIENCE);
    const person = new Person(context);
    this.people.push(person);
    return person;
  }

  /** Somebody new, who opens this address. */
  async visit(path: string, options: BrowserContextOptions = {}): Promise<Dancer> {
    return (await this.person(options)).open(path);
  }

  /** Somebody new, who is on this session's page and connected. */
  async dance(path: string, options: BrowserContextOptions = {}): Promise<Dancer> {
    const dancer = await this.visit(path, options);
    await dancer.isConnected();
    return dancer;
  }

  async leave(): Promise<void> {
    await Promise.all(this.people.map((person) => person.context.close()));
    expect(this.people.flatMap((person) => person.faults)).toEqual([]);
  }

  pages(): Page[] {
    return this.people.flatMap((person) => person.context.pages());
  }
}

export class Person {
  /** Errors that nobody caught, and whatever broke the page's policy. */
  readonly faults: string[] = [];

  constructor(readonly context: BrowserContext) {
    context.on("weberror", (error) => this.faults.push(String(error.error())));
    context.on("console", (message) => {
      const text = message.text();
      // A refused address or a lost socket is noted by the browser itself, and is what some stories are about.
      const network = /^Failed to load resource|^WebSocket connection to/.test(text);
      if (message.type() === "error" && !network) this.faults.push(text);
      else if (/content security policy/i.test(text)) this.faults.push(text);
    });
  }

  /** One more tab of the same person. */
  async open(path: string): Promise<Dancer> {
    const page = await this.context.newPage();
    await page.goto(path);
    return new Dancer(this, page);
  }
}

export class Dancer {
  readonly connection: Locator;
  readonly title: Locator;
  readonly like: Locator;
  readonly poll: Locator;

  constructor(
    readonly person: Person,
    readonly page: Page,
  ) {
    this.connection = page.getByTestId("connection-state");
    this.title = page.getByTestId("track-title");
    this.like = page.getByTestId("like-button");
    this.poll = page.getByTestId("poll");
  }

  option = (place: number) => this.page.getByTestId(`poll-option-${place}`);
  wish = (wish: "slower" | "perfect" | "faster") => this.page.getByTestId(`tempo-${wish}`);

  isConnected = () => this.shows(this.connection, "data-state", "live");
  isCutOff = () => eventually(() => this.connection.getAttribute("data-state")).not.toBe("live");

  /** An attribute comes to have this value. */
  shows = (what: Locator, attribute: string, value: string) =>
    eventually(() => what.getAttribute(attribute)).toBe(value);

  /** The visible words come to hold these. */
  reads = (what: Locator, words: string | RegExp) =>
    typeof words === "string"
      ? eventually(() => what.innerText()).toContain(words)
      : eventually(() => what.innerText()).toMatch(words);

  hears = (title: string) => eventually(() => this.title.innerText()).toBe(title);

  pressed = (button: Locator, pressed: boolean) =>
    this.shows(button, "aria-pressed", String(pressed));

  /** The page as a picture, when somebody wants to look: PIKA_E2E_PICTURES names the folder. */
  async picture(name: string): Promise<void> {
    await picture(this.page, name);
  }
}

export async function picture(page: Page, name: string, folder = process.env.PIKA_E2E_PICTURES) {
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  // A header that sticks to where somebody scrolled would lie over the middle of a full picture.
  await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
