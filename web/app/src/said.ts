// How words of others are read from an answer: as long as they may be, and without what nobody could see.

import { shape, visible } from "@pika/client";

export function said(limit: number): shape.Reader<string> {
  const read = shape.text(limit);
  return (value, at) => visible(read(value, at));
}
