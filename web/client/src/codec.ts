// The form that messages take on a socket. The words are the same in each; what they mean is decided elsewhere.

/** A form of the wire: its subprotocol, and both directions. */
export interface Codec {
  readonly protocol: string;
  encode(message: object): string | Uint8Array<ArrayBuffer>;
  /** Gives whatever the frame holds; throws for a frame that is not of this form. */
  decode(data: unknown): unknown;
}

// The largest answer of the contract is a SESSIONS_LIST of 32 KiB; eight times that is nobody's honest message.
export const LARGEST_FRAME = 256 * 1024;

/** Text that a person can read, and every browser without a further byte of script. */
export const json: Codec = {
  protocol: "pika.v1.json",
  encode: (message) => JSON.stringify(message),
  decode(data) {
    if (typeof data !== "string" || data.length > LARGEST_FRAME) throw new TypeError("not a text");
    return JSON.parse(data);
  },
};
