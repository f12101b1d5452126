// MessagePack on the socket, for programs that would rather not write and read text.

import { decode, encode } from "@msgpack/msgpack";
import { LARGEST_FRAME, type Codec } from "./codec.ts";

// No message of the contract holds more; a frame that claims a larger one is refused before memory is taken for it.
const MOST_ENTRIES = 1_000;

const LIMITS = {
  maxStrLength: LARGEST_FRAME,
  maxArrayLength: MOST_ENTRIES,
  maxMapLength: MOST_ENTRIES,
  maxBinLength: 0,
  maxExtLength: 0,
};

export const msgpack: Codec = {
  protocol: "pika.v1.msgpack",
  // What is undefined is left out, as JSON does it; the server would read a null.
  encode: (message) => encode(message, { ignoreUndefined: true }),
  decode(data) {
    if (!(data instanceof ArrayBuffer) || data.byteLength > LARGEST_FRAME) {
      throw new TypeError("not a binary frame");
    }
    return decode(data, LIMITS);
  },
};
