import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { PIKA, SAMPLE } from "./support/parts.ts";
import { story } from "./support/story.ts";

// As many as a session may play in ten seconds without being slowed down.
const TRACKS = 8;

story(
  "a recorded evening is played to the floor by 'pika dj', to the recap",
  async ({ floor, pika }) => {
    const history = await beginning(TRACKS, pika.data);
    const args = ["dj", "--name", "DJ Anna", "--history", history, "--speed", "200"];
    const booth = spawn(PIKA, [...args, "--server", pika.url], {
      env: { PATH: process.env.PATH, HOME: pika.data, XDG_STATE_HOME: pika.data },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const over = once(booth, "exit");
    try {
      const lines = createInterface({ input: booth.stdout });
      const link = await new Promise<string>((found) =>
        lines.on("line", (line) => line.startsWith("Join: ") && found(line.slice(6))),
      );
      const dancer = await floor.dance(new URL(link).pathname);
      await dancer.like.click();
      await dancer.pressed(dancer.page.getByRole("button", { pressed: true }).first(), true);
      await over;
      expect(booth.exitCode).toBe(0);
      await dancer.page.getByTestId("session-ended").waitFor();
      await dancer.page.getByRole("link", { name: "See the recap" }).click();
      const rows = dancer.page.getByRole("region", { name: "Tracks" }).locator(".row-title");
      await rows.first().waitFor();
      const titles = await rows.allInnerTexts();
      expect(titles.length).toBe(TRACKS);
      expect(titles[0]).toBe("Rolling in the Deep");
      expect(titles.at(-1)).toBe("Suit & Tie");
      await dancer.reads(dancer.page.locator(".sums"), "1 like");
    } finally {
      booth.kill("SIGKILL");
    }
  },
  60_000,
);

/** The first tracks of the sample evening; each is a line about it and a line of where its file lies. */
async function beginning(tracks: number, folder: string): Promise<string> {
  const lines = (await readFile(SAMPLE, "utf8")).split("\n");
  const path = join(folder, "tonight.m3u");
  await writeFile(path, lines.slice(0, tracks * 2).join("\n"));
  return path;
}
