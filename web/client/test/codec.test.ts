import { encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { json } from "../src/codec.ts";
import { read } from "../src/decode.ts";
import { LiveClient } from "../src/index.ts";
import { msgpack } from "../src/msgpack.ts";
import { ID, nowPlaying, World } from "./world.ts";

const packed = (value: unknown) => encode(value).slice().buffer;

describe("the forms of the wire", () => {
  it("say the same", () => {
    const poll = { pollId: 2 ** 53 - 1, votes: [0, 70_000], totalVotes: 70_000 };
    const message = { type: "POLL_UPDATE", sessionId: ID, seq: 4_294_967_296, ...poll };
    const text = read(JSON.stringify(message), json);
    expect(text).toEqual({ ok: true, message });
    expect(read(packed(message), msgpack)).toEqual(text);
  });

  it("leave out what is not there, and take numbers as they are", () => {
    const said = msgpack.encode({ type: "SUBSCRIBE", resume: true, codec: undefined });
    expect(said).toEqual(encode({ type: "SUBSCRIBE", resume: true }));
  });

  it.each([
    ["a text", "{}"],
    ["bytes that end too early", packed(nowPlaying("One")).slice(0, 20)],
    ["more behind the message", new Uint8Array([0xc0, 0xc0]).buffer],
    ["a list that claims four billion entries", new Uint8Array([0xdd, 255, 255, 255, 255]).buffer],
    ["a map that claims as many", new Uint8Array([0xdf, 255, 255, 255, 255]).buffer],
    ["a text that claims as many bytes", new Uint8Array([0xdb, 255, 255, 255, 255]).buffer],
    ["an extension", new Uint8Array([0xd4, 1, 1]).buffer],
    ["lists in lists in lists", new Uint8Array(200_000).fill(0x91).buffer],
    ["a frame beyond every honest one", new ArrayBuffer(300_000)],
  ])("refuse %s as MessagePack", (_, data) => {
    expect(read(data, msgpack)).toEqual({ ok: false, why: "invalid" });
  });

  it("is chosen by whoever opens the client", () => {
    const world = new World();
    const options = { url: "wss://pika.example/ws", sessionId: ID, platform: world };
    new LiveClient({ ...options, codec: msgpack }).open();
    expect(world.socket.protocol).toBe("pika.v1.msgpack");
    expect(world.socket.binaryType).toBe("arraybuffer");
  });
});

describe("a socket that is given up before it opened", () => {
  it("still has somebody to tell its error to", () => {
    const world = new World();
    const client = new LiveClient({
      url: "wss://pika.example/ws",
      sessionId: ID,
      platform: world,
    });
    client.open();
    client.close();
    // Outside browsers an error that nobody listens to ends the process.
    expect(world.socket.onerror).not.toBeNull();
    expect(world.socket.onmessage).toBeNull();
  });
});
