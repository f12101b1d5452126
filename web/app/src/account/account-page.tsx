// `/account` and what lies below it. Whoever is not signed in meets the door first, at whichever part they wanted, and is
// there once they are in. The letters that the server sends lead here too.

import { useEffect, useState } from "preact/hooks";
import { go } from "../route.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { shared } from "../words/shared.ts";
import { DataPart } from "./data.tsx";
import { DevicePart } from "./device.tsx";
import { Forgotten, Register, SignIn } from "./enter.tsx";
import { Frame, Nav } from "./frame.tsx";
import { LetterPage, letterFrom } from "./letters.tsx";
import { Overview } from "./overview.tsx";
import { PreferencesPart } from "./preferences.tsx";
import { ProfilePart } from "./profile.tsx";
import { SecurityPart } from "./security.tsx";
import { SessionsPart } from "./sessions.tsx";
import { TokensPart } from "./tokens.tsx";
import { useDoor } from "./who.ts";
import "../styles/sheet.css";

export function AccountPage({ part }: { part: string }) {
  const door = useDoor();
  const [letter, setLetter] = useLetter();
  const [gone, setGone] = useState(false);
  const say = words(account);

  if (letter !== null) return <LetterPage letter={letter} onDone={() => setLetter(null)} />;
  if (gone) {
    return (
      <Frame title={say.removed} lead={say.removedLead}>
        <button type="button" class="button" onClick={() => go("/")}>
          {words(shared).toSessions}
        </button>
      </Frame>
    );
  }
  switch (door.who.kind) {
    case "asking":
      return (
        <Frame title={say.title}>
          <p class="quiet pending">{words(shared).loading}</p>
        </Frame>
      );
    case "failed":
      return (
        <Frame title={say.failed} lead={say.unreachable}>
          <button type="button" class="button" onClick={() => void door.ask()}>
            {words(shared).tryAgain}
          </button>
        </Frame>
      );
    case "guest":
      if (part === "register") return <Register />;
      if (part === "forgotten") return <Forgotten />;
      return <SignIn />;
    case "in":
      return <Inside part={part} onGone={() => setGone(true)} />;
  }
}

/** What a letter's link carries, taken out of the address at once so that it stays in no history. */
function useLetter() {
  const [letter, setLetter] = useState(() => letterFrom(location.hash));
  useEffect(() => {
    const take = () => {
      const found = letterFrom(location.hash);
      if (found === null) return;
      history.replaceState(null, "", location.pathname);
      setLetter(found);
    };
    take();
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, []);
  return [letter, setLetter] as const;
}

function Inside({ part, onGone }: { part: string; onGone: () => void }) {
  const say = words(account);
  const parts = {
    "": [say.overview, <Overview />],
    profile: [say.profile, <ProfilePart />],
    sessions: [say.sessions, <SessionsPart />],
    tokens: [say.tokens, <TokensPart />],
    security: [say.security, <SecurityPart />],
    preferences: [say.preferences, <PreferencesPart />],
    device: [say.device, <DevicePart />],
    data: [say.data, <DataPart onGone={onGone} />],
  } as const;
  const leads: Record<string, string> = {
    sessions: say.sessionsLead,
    tokens: say.tokensLead,
    device: say.deviceLead,
  };
  const known = Object.hasOwn(parts, part) ? (part as keyof typeof parts) : "";
  const [title, page] = parts[known];
  const links = Object.entries(parts).map(([name, [label]]) => [pathOf(name), label] as const);
  const lead = leads[known];
  return (
    <Frame
      title={title}
      {...(lead === undefined ? {} : { lead })}
      nav={<Nav label={say.title} path={pathOf(known)} links={links} />}
    >
      {page}
    </Frame>
  );
}

const pathOf = (part: string) => (part === "" ? "/account" : `/account/${part}`);
