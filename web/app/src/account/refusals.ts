// What a refusal means to the person in front of it.

import { Refused } from "../rest.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";

const MEANINGS: readonly [RegExp, keyof typeof account.en.invalid][] = [
  [/no password yet/, "noPassword"],
  [/easy to guess/, "easyPassword"],
  [/password must/, "passwordLength"],
  [/displayName is reserved/, "reservedName"],
  [/displayName/, "name"],
  [/code does not hold/, "code"],
  [/https:\/\//, "address"],
  [/nobody suspends themselves/, "suspendSelf"],
  [/from themselves/, "takeSelf"],
  [/e-?mail/i, "email"],
];

export function refusalWords(error: unknown): string {
  const say = words(account);
  if (!(error instanceof Refused)) return say.unreachable;
  switch (error.code) {
    case "wrong_password":
      return say.wrongPassword;
    case "unauthorized":
      return say.signedOut;
    case "forbidden":
      return /suspended/i.test(error.message) ? say.suspended : say.forbidden;
    case "not_found":
      return say.notFound;
    case "conflict":
      return /only way/i.test(error.message) ? say.lastWay : say.taken;
    case "rate":
      return say.tooOften(error.retryAfter ?? 60);
    case "invalid_message": {
      const meant = MEANINGS.find(([pattern]) => pattern.test(error.message));
      return meant === undefined ? say.invalid.other : say.invalid[meant[1]];
    }
    default:
      return say.unavailable;
  }
}
