import { expect, it } from "vitest";
import { ServerClock } from "../src/server-clock.ts";
import { arrive, ID, World } from "./world.ts";

const SERVER = Date.parse("2026-03-01T20:00:00Z");

it("believes the device until the server has spoken", () => {
  const clock = new ServerClock({ now: () => 0, wallClock: () => 42 });
  expect(clock.now()).toBe(42);
});

it("takes the middle of the shortest round trip", () => {
  let now = 0;
  const clock = new ServerClock({ now: () => now, wallClock: () => 0 });
  // 400 ms there and back, the server 50 ms off the middle; then 20 ms, exact.
  clock.pong(0, 400, SERVER + 150);
  clock.pong(1_000, 1_020, SERVER + 1_010);
  clock.pong(2_000, 2_300, SERVER + 2_100);
  now = 5_000;
  expect(clock.now()).toBe(SERVER + 5_000);
});

it("forgets the ninth sample back, however short it was", () => {
  let now = 0;
  const clock = new ServerClock({ now: () => now, wallClock: () => 0 });
  clock.pong(0, 2, SERVER + 1);
  for (let i = 1; i <= 8; i += 1) clock.pong(i * 1_000, i * 1_000 + 100, SERVER + i * 1_000 + 90);
  now = 10_000;
  expect(clock.now()).toBe(SERVER + 10_040);
});

it("starts again when a sleeping phone stopped its clock", () => {
  let now = 0;
  const clock = new ServerClock({ now: () => now, wallClock: () => 0 });
  clock.pong(0, 2, SERVER + 1);
  // An hour passed outside while the monotonic clock stood still.
  clock.pong(100, 300, SERVER + 3_600_200);
  now = 300;
  expect(clock.now()).toBe(SERVER + 3_600_300);
});

it("measures with the heartbeat, and not with the device's wall clock", async () => {
  const world = new World();
  const { client, socket } = arrive(world);
  expect(socket.said("PING")).toHaveLength(1);
  await world.pass(40);
  socket.tell({ type: "PONG", timestamp: new Date(SERVER + 20).toISOString() });
  await world.pass(1_000);
  expect(client.serverNow()).toBe(SERVER + 1_040);
  world.wall += 5_000_000;
  expect(client.serverNow()).toBe(SERVER + 1_040);
  expect(client.current.sessionId).toBe(ID);
});
