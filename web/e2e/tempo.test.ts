import { story } from "./support/story.ts";

story("two dancers wish, one takes it back, the next track forgets", async ({ floor, dj }) => {
  await dj.play("Slow Burn");
  const anna = await floor.dance(dj.path);
  const ben = await floor.dance(dj.path);

  await anna.wish("faster").click();
  await ben.wish("slower").click();
  for (const dancer of [anna, ben]) {
    await dancer.reads(dancer.wish("faster"), "1");
    await dancer.reads(dancer.wish("slower"), "1");
    await dancer.reads(dancer.wish("perfect"), "0");
  }
  await anna.pressed(anna.wish("faster"), true);
  await anna.pressed(anna.wish("slower"), false);
  await anna.picture("tempo");

  // Another wish replaces the first; the same one again takes it back.
  await anna.wish("perfect").click();
  await ben.reads(ben.wish("perfect"), "1");
  await ben.reads(ben.wish("faster"), "0");
  await anna.wish("perfect").click();
  await anna.pressed(anna.wish("perfect"), false);
  await ben.reads(ben.wish("perfect"), "0");
  await ben.reads(ben.wish("slower"), "1");

  await dj.play("Fast Lane");
  await ben.hears("Fast Lane");
  await ben.reads(ben.wish("slower"), "0");
  await ben.pressed(ben.wish("slower"), false);
});
