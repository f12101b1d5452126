import type { Platform } from "./platform.ts";

// A node that dies leaves thousands of phones behind at one instant. Full jitter spreads their return evenly over
// the whole span; equal or no jitter would bring them back as one wave. The first return is within half a second.
const BASE_MS = 500;
const CAP_MS = 20_000;

/** How long to wait before try number `attempt`, counted from 0. */
export function backoff(attempt: number, random: Platform["random"]): number {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16));
}

/** Whether a close code invites the client back. Those that do not are about this client, not about the node. */
export function comesBack(code: number): boolean {
  return code !== 1008 && !(code >= 4400 && code <= 4499);
}
