import { expect } from "vitest";
import { eventually } from "./support/dancer.ts";
import { track } from "./support/dj.ts";
import { story } from "./support/story.ts";

story("what plays is shown, corrected, and gone when it stops", async ({ floor, dj }) => {
  const dancer = await floor.dance(dj.path);
  await dancer.page.getByRole("heading", { name: "Between tracks" }).waitFor();
  await dj.play("First Light");
  await dancer.hears("First Light");
  expect(await dancer.page.getByTestId("track-artist").innerText()).toBe("The Testers");
  const about = dancer.page.getByRole("list", { name: "About this track" });
  await dancer.reads(about, "104 BPM");

  await dj.correct(track("First Light", { bpm: 96.4, key: "Am" }));
  await dancer.reads(about, "96 BPM");
  await dancer.reads(about, "Key Am");

  await dj.play("Second Wind");
  await dancer.hears("Second Wind");
  const earlier = dancer.page.getByRole("region", { name: "Earlier" });
  await dancer.reads(earlier, "First Light");
  // A correction of what no longer plays changes nothing that is shown as playing.
  await dj.correct(track("First Light", { bpm: 150 }));
  await dj.stop();
  await dancer.page.getByRole("heading", { name: "Between tracks" }).waitFor();
  await dancer.reads(earlier, /Second Wind[^]*First Light/);
});

story("of a quick burst the newest stays", async ({ floor, dj }) => {
  const dancer = await floor.dance(dj.path);
  for (const title of ["One", "Two", "Three", "Four"]) await dj.play(title);
  await dancer.hears("Four");
  await dancer.page.reload();
  await dancer.hears("Four");
  const earlier = dancer.page.getByRole("region", { name: "Earlier" });
  await dancer.reads(earlier, /Three[^]*Two[^]*One/);
});

// Markup that would run, a mark that turns "exe.gnp" round, a bell, and a null that ends words in other languages.
const MARKUP = `<img src=x onerror="window.ran=1"><script>window.ran=1</script>`;
const HOSTILE = `${MARKUP}\u202Eexe.gnp\u0007\u0000`;
const SHOWN = `${MARKUP}exe.gnp`;

story("hostile words reach the page as text, and nothing in them runs", async ({ floor, dj }) => {
  await dj.play(HOSTILE, { artist: HOSTILE.replace("\u0000", "") });
  const dancer = await floor.dance(dj.path);
  await dancer.hears(SHOWN);
  await dj.announce(HOSTILE.slice(0, 150));
  await dj.ask(HOSTILE, [HOSTILE.slice(0, 90), "a plain one"]);
  await dancer.reads(dancer.page.getByTestId("announcement"), "<img src=x");
  await dancer.reads(dancer.poll, SHOWN);
  expect(await dancer.page.title()).toContain("<img src=x");
  await dancer.picture("hostile");
  await dj.play("Peace");
  await dancer.hears("Peace");
  await dancer.reads(dancer.page.getByRole("region", { name: "Earlier" }), SHOWN);
  await dj.end();
  await dancer.page.getByRole("link", { name: "See the recap" }).click();
  await dancer.reads(dancer.page.getByRole("region", { name: "Tracks" }), SHOWN);
  expect(await dancer.page.locator("main img, main script").count()).toBe(0);
  expect(await dancer.page.evaluate(() => "ran" in window)).toBe(false);
});

story("the page's policy stops what somebody smuggled in all the same", async ({ floor, dj }) => {
  const dancer = await floor.dance(dj.path);
  const stopped = await dancer.page.evaluate(async () => {
    const violated = new Promise<string>((tell) =>
      document.addEventListener("securitypolicyviolation", (e) => tell(e.effectiveDirective)),
    );
    const script = document.createElement("script");
    script.textContent = "window.ran = 1";
    document.body.append(script);
    return violated;
  });
  expect(stopped).toBe("script-src-elem");
  expect(await dancer.page.evaluate(() => "ran" in window)).toBe(false);
  // The one fault that this story asked for.
  await eventually(() => dancer.person.faults.length).toBe(1);
  expect(dancer.person.faults.pop()).toMatch(/content security policy/i);
});
