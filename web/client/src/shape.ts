// Readers for values from outside. A reader returns the value in its type or throws `Misshapen`; nothing is
// copied that was not asked for, so an answer can carry neither surprise members nor a prototype into the page.

export class Misshapen extends Error {
  override name = "Misshapen";
}

export type Reader<T> = (value: unknown, at: string) => T;
export type Fields = Readonly<Record<string, unknown>>;

function refuse(at: string, wanted: string): never {
  throw new Misshapen(`${at} is not ${wanted}`);
}

/** `limit` counts UTF-16 units: the server counts characters, so callers pass twice the contract's number. */
export function text(limit: number): Reader<string> {
  return (value, at) =>
    typeof value === "string" && value.length <= limit
      ? value
      : refuse(at, `a string of at most ${limit}`);
}

export function number(min: number, max: number): Reader<number> {
  return (value, at) =>
    typeof value === "number" && value >= min && value <= max
      ? value
      : refuse(at, `a number from ${min} to ${max}`);
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (value, at) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : refuse(at, `an integer from ${min} to ${max}`);
}

export const count = integer(0);

export const flag: Reader<boolean> = (value, at) =>
  typeof value === "boolean" ? value : refuse(at, "true or false");

/** A moment as milliseconds since 1970, from the ISO 8601 text of the wire. */
export const moment: Reader<number> = (value, at) => {
  const ms = typeof value === "string" && value.length <= 64 ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? refuse(at, "a moment") : ms;
};

export function list<T>(item: Reader<T>, limit: number): Reader<T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length > limit) {
      return refuse(at, `a list of at most ${limit}`);
    }
    return value.map((entry, i) => item(entry, `${at}[${i}]`));
  };
}

export const fields: Reader<Fields> = (value, at) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : refuse(at, "an object");

/** Reads one own member; a member of the prototype chain is not an answer. */
export function need<F extends object, T>(from: F, name: keyof F & string, reader: Reader<T>): T {
  return reader(Object.hasOwn(from, name) ? from[name] : undefined, name);
}

/** Absent and null are the same on this wire: servers write either. */
export function maybe<F extends object, T>(
  from: F,
  name: keyof F & string,
  reader: Reader<T>,
): T | undefined {
  const value: unknown = Object.hasOwn(from, name) ? from[name] : undefined;
  return value === undefined || value === null ? undefined : reader(value, name);
}
