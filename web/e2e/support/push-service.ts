// A push service of a story: it takes what the server pushes, and opens it as the browser would that it is for.

import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What a browser needs to subscribe here. All of them have the same keys. */
export interface Subscribing {
  origin: string;
  p256dh: string;
  auth: string;
}

export class PushService {
  /** What was pushed, as a service worker reads it. */
  readonly pushed: unknown[] = [];
  private readonly keys = createECDH("prime256v1");
  private readonly publicKey = this.keys.generateKeys();
  private readonly auth = randomBytes(16);
  private readonly server = createServer((request, response) => {
    void buffer(request).then((sealed) => {
      this.pushed.push(this.open(sealed));
      response.writeHead(201).end();
    });
  });

  static async start(): Promise<PushService> {
    const service = new PushService();
    service.server.listen(0, "127.0.0.1");
    await once(service.server, "listening");
    return service;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get browser(): Subscribing {
    const [p256dh, auth] = [this.publicKey, this.auth].map((key) => key.toString("base64url"));
    return { origin: this.origin, p256dh: p256dh ?? "", auth: auth ?? "" };
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** RFC 8291: a salt, the size of records, the sender's key with its length, and one record. */
  private open(sealed: Buffer): unknown {
    const [salt, sender] = [sealed.subarray(0, 16), sealed.subarray(21, 86)];
    const [record, tag] = [sealed.subarray(86, -16), sealed.subarray(-16)];
    const between = Buffer.concat([Buffer.from("WebPush: info\0"), this.publicKey, sender]);
    const shared = derive(this.keys.computeSecret(sender), this.auth, between, 32);
    const key = derive(shared, salt, "Content-Encoding: aes128gcm\0", 16);
    const nonce = derive(shared, salt, "Content-Encoding: nonce\0", 12);
    const opener = createDecipheriv("aes-128-gcm", key, nonce).setAuthTag(tag);
    const padded = Buffer.concat([opener.update(record), opener.final()]);
    // A 2 ends the message, and zeros may follow it.
    return JSON.parse(padded.subarray(0, padded.lastIndexOf(2)).toString()) as unknown;
  }
}

function derive(secret: Buffer, salt: Buffer, about: Buffer | string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, about, bytes));
}
