import type { Platform } from "./platform.ts";

const KEPT = 8;

interface Sample {
  readonly rtt: number;
  /** Server's milliseconds since 1970 minus the monotonic clock, at the middle of the round trip. */
  readonly offset: number;
}

/**
 * The server's clock, read on the device's monotonic one. An estimate is wrong by at most half its round trip, so
 * the sample with the shortest of the last eight is believed. Until there is one, the device's own clock must do.
 */
export class ServerClock {
  private samples: Sample[] = [];

  constructor(private readonly platform: Pick<Platform, "now" | "wallClock">) {}

  pong(sentAt: number, receivedAt: number, timestamp: number): void {
    const rtt = receivedAt - sentAt;
    if (!(rtt >= 0)) return;
    const sample = { rtt, offset: timestamp - (sentAt + receivedAt) / 2 };
    // Samples that cannot both be true mean that a clock jumped: many phones stop the monotonic one in their
    // sleep. What was measured before is then worthless, however short its round trip was.
    const agreeing = this.samples.filter(
      (old) => Math.abs(old.offset - sample.offset) <= (old.rtt + rtt) / 2 + SLACK_MS,
    );
    this.samples = [...agreeing, sample].slice(-KEPT);
  }

  now(): number {
    const best = this.samples.reduce<Sample | undefined>(
      (least, sample) => (least === undefined || sample.rtt < least.rtt ? sample : least),
      undefined,
    );
    return best === undefined ? this.platform.wallClock() : this.platform.now() + best.offset;
  }
}

// Server timestamps may be whole milliseconds or whole tenths of a second; less than this is rounding.
const SLACK_MS = 150;
