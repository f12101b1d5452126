import { expect } from "vitest";
import { eventually, type Dancer } from "./support/dancer.ts";
import { story } from "./support/story.ts";

story(
  "a like is given, seen by others, kept over a reload, and taken back",
  async ({ floor, dj }) => {
    await dj.play("Heartbeat");
    const anna = await floor.dance(dj.path);
    const ben = await floor.dance(dj.path);
    await anna.pressed(anna.like, false);
    await anna.like.click();
    await anna.reads(anna.like, "Tap to undo");
    await anna.picture("live-liked");
    await ben.reads(ben.like, "1 like");
    await eventually(dj.likes).toEqual({ Heartbeat: 1 });

    await anna.page.reload();
    await anna.pressed(anna.like, true);
    await anna.reads(anna.like, "Tap to undo");

    await anna.like.click();
    await anna.pressed(anna.like, false);
    await eventually(dj.likes).toEqual({ Heartbeat: 0 });
  },
);

story("an earlier track can still be liked", async ({ floor, dj }) => {
  const dancer = await floor.dance(dj.path);
  await dj.play("Earlier One");
  await dancer.hears("Earlier One");
  await dj.play("Later One");
  await dancer.hears("Later One");
  await row(dancer, "Earlier One").click();
  await dancer.pressed(row(dancer, "Earlier One"), true);
  await eventually(dj.likes).toEqual({ "Earlier One": 1, "Later One": 0 });
});

story("likes given in a dead spot are kept, and delivered once", async ({ floor, dj }) => {
  const dancer = await floor.dance(dj.path);
  for (const title of ["One", "Two", "Three"]) {
    await dj.play(title);
    await dancer.hears(title);
  }
  await dancer.person.context.setOffline(true);
  await dancer.shows(dancer.connection, "data-state", "offline");
  await dancer.like.click();
  await dancer.reads(dancer.like, "Kept on this phone");
  await row(dancer, "One").click();
  await row(dancer, "Two").click();
  await dancer.reads(dancer.connection, /Offline\s*· 3 likes waiting/);
  await dancer.picture("offline");
  expect(await dj.likes()).toEqual({ One: 0, Two: 0, Three: 0 });

  await dancer.person.context.setOffline(false);
  await dancer.isConnected();
  await dancer.shows(row(dancer, "One"), "data-mark", "liked");
  await dancer.reads(dancer.like, "Tap to undo");
  await eventually(dj.likes).toEqual({ One: 1, Two: 1, Three: 1 });

  // What has arrived is not offered again: not by a reload, not by the next dead spot.
  await dancer.page.reload();
  await dancer.isConnected();
  await dancer.pressed(row(dancer, "One"), true);
  expect(await unsent(dancer)).toBe("[]");
  expect(await dj.likes()).toEqual({ One: 1, Two: 1, Three: 1 });
});

story("a like that was kept past the end of the evening still counts", async ({ floor, dj }) => {
  await dj.play("Last One");
  const dancer = await floor.dance(dj.path);
  await dancer.hears("Last One");
  await dancer.person.context.setOffline(true);
  await dancer.isCutOff();
  await dancer.like.click();
  await dancer.reads(dancer.like, "Kept on this phone");
  await dancer.page.close();
  await dj.end();
  await dancer.person.context.setOffline(false);
  const late = await dancer.person.open(dj.path);
  await late.page.getByTestId("session-ended").waitFor();
  await eventually(dj.likes).toEqual({ "Last One": 1 });
  await eventually(() => unsent(late)).toBe("[]");
});

story("a like whose answer was lost is sent again, and counts once", async ({ floor, dj }) => {
  await dj.play("Tunnel");
  const person = await floor.person();
  const sent: string[] = [];
  let lost = 0;
  // The first answer to a like is swallowed, and the socket ends: the phone cannot know that the like was stored.
  await person.context.routeWebSocket(/\/ws$/, (phone) => {
    const server = phone.connectToServer();
    phone.onMessage((message) => {
      if (/SEND_(BULK_)?LIKE/.test(String(message))) sent.push(idOf(message));
      server.send(message);
    });
    server.onMessage((message) => {
      const answer = /"type":"ACK"/.test(String(message)) && sent.includes(idOf(message));
      if (!answer || lost > 0) return phone.send(message);
      lost += 1;
      return void phone.close({ code: 4500, reason: "a tunnel" });
    });
  });
  const dancer = await person.open(dj.path);
  await dancer.isConnected();
  await dancer.like.click();
  await dancer.reads(dancer.like, "Tap to undo");
  expect(lost).toBe(1);
  expect(sent.length).toBeGreaterThan(1);
  expect(new Set(sent).size).toBe(1);
  await eventually(dj.likes).toEqual({ Tunnel: 1 });
});

function row(dancer: Dancer, title: string) {
  return dancer.page
    .getByRole("region", { name: "Earlier" })
    .getByRole("button", { name: `Like ${title}` });
}

function unsent(dancer: Dancer) {
  return dancer.page.evaluate(() => localStorage.getItem("pika.likes.unsent"));
}

function idOf(message: string | Buffer): string {
  return /"messageId":"([^"]*)"/.exec(String(message))?.[1] ?? "";
}
