// What a refusal means to the person in front of it.

import { Refused } from "../rest.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";

type Meaning = readonly [RegExp, keyof typeof account.en.invalid];

/** What stands against it as things are, whatever was typed. */
const STATES: readonly Meaning[] = [
  [/no password yet/, "noPassword"],
  [/displayName is reserved/, "reservedName"],
  [/code does not hold/, "code"],
  [/nobody suspends themselves/, "suspendSelf"],
  [/from themselves/, "takeSelf"],
];

const MEANINGS: readonly Meaning[] = [
  [/no export/, "noExport"],
  [/easy to guess/, "easyPassword"],
  [/password must/, "passwordLength"],
  [/displayName/, "name"],
  [/https:\/\//, "address"],
  [/e-?mail/i, "email"],
];

export function refusalWords(error: unknown): string {
  const say = words(account);
  if (!(error instanceof Refused)) return say.unreachable;
  const meant = (meanings: readonly Meaning[]) => {
    const found = meanings.find(([pattern]) => pattern.test(error.message));
    return found && say.invalid[found[1]];
  };
  switch (error.code) {
    case "wrong_password":
      return say.wrongPassword;
    case "unauthorized":
      return say.signedOut;
    case "forbidden":
      return /suspended/i.test(error.message) ? say.suspended : say.forbidden;
    case "not_found":
      return meant(STATES) ?? say.notFound;
    case "conflict":
      return /only way/i.test(error.message) ? say.lastWay : (meant(STATES) ?? say.taken);
    case "rate":
      return say.tooOften(error.retryAfter ?? 60);
    case "invalid_message":
      return meant(MEANINGS) ?? say.invalid.other;
    default:
      return say.unavailable;
  }
}
