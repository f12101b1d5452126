import type { TargetedSubmitEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { goLive, newWish, NotLive, type GoLive, type OwnSession } from "@pika/client/dj";
import { accountApi } from "../account/account-api.ts";
import { Providers } from "../account/elsewhere.tsx";
import { followChosen } from "../account/follow-look.ts";
import { Bolt, Heading, Link, Said } from "../parts.tsx";
import { rest } from "../rest.ts";
import { useServices } from "../services.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import { shared } from "../words/shared.ts";
import { signedIn, signIn, signOut, type Account, type SignInFailure } from "./account.ts";

type Who = Account | "asking" | "nobody";

export function Doorstep({ enter }: { enter: (session: OwnSession) => void }) {
  const { fetch } = useServices();
  const say = words(area);
  const [who, setWho] = useState<Who>("asking");
  useEffect(() => {
    let here = true;
    // A server that cannot tell now is asked again by whatever is done next.
    signedIn(fetch).then(
      (found) => here && setWho(found ?? "nobody"),
      () => here && setWho("nobody"),
    );
    return () => void (here = false);
  }, [fetch]);

  return (
    <div class="door">
      <header>
        <Link to="/" class="home-link">
          <Bolt />
          <span class="unseen">{words(shared).toSessions}</span>
        </Link>
        <Heading>{say.doorTitle}</Heading>
        <p class="quiet">{say.doorLead}</p>
      </header>
      <main class="door-main">
        {who === "asking" && <p class="quiet">{words(shared).loading}</p>}
        {who === "nobody" && (
          <>
            <SignIn done={setWho} />
            <p class="ways">
              <Link to="/account/register">{words(account).noAccount}</Link>
              <Link to="/account/forgotten">{words(account).forgotten}</Link>
            </p>
            <details class="card door-guest">
              <summary>{say.without}</summary>
              <p class="hint">{say.withoutHelp}</p>
              <Begin named enter={enter} />
            </details>
          </>
        )}
        {typeof who === "object" && (
          <section class="card door-in">
            <p>
              {say.signedInAs(
                <strong>
                  <Said>{who.name}</Said>
                </strong>,
              )}
            </p>
            <Begin named={false} enter={enter} />
            <button
              type="button"
              class="button plain small"
              onClick={() => void signOut(fetch).then((out) => out && setWho("nobody"))}
            >
              {say.signOut}
            </button>
          </section>
        )}
      </main>
    </div>
  );
}

function SignIn({ done }: { done: (account: Account) => void }) {
  const { fetch } = useServices();
  const say = words(area);
  const [standing, setStanding] = useState<"ready" | "asking" | SignInFailure>("ready");
  const [email, password, heading, problem] = [useId(), useId(), useId(), useId()];

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setStanding("asking");
    const found = await signIn(fetch, String(form.get("email")), String(form.get("password")));
    if (typeof found === "object") {
      void followChosen(accountApi(rest(fetch)), true);
      done(found);
    } else setStanding(found);
  };

  const failed = standing !== "ready" && standing !== "asking";
  return (
    <form
      class="card door-form"
      aria-labelledby={heading}
      method="post"
      onSubmit={(event) => void submit(event)}
    >
      <h2 id={heading}>{say.signIn}</h2>
      <label for={email}>{say.email}</label>
      <input id={email} name="email" type="email" autocomplete="username" required />
      <label for={password}>{say.password}</label>
      <input
        id={password}
        name="password"
        type="password"
        autocomplete="current-password"
        required
        aria-describedby={problem}
      />
      <p id={problem} class="hint wrong" role="alert">
        {failed && say[standing]}
      </p>
      <button type="submit" class="button" disabled={standing === "asking"}>
        {standing === "asking" ? say.signingIn : say.signIn}
      </button>
      <Providers />
    </form>
  );
}

interface BeginProps {
  /** Whether a name is asked for; an account has one. */
  named: boolean;
  enter: (session: OwnSession) => void;
}

function Begin({ named, enter }: BeginProps) {
  const { fetch, platform } = useServices();
  const say = words(area);
  const [name, setName] = useState("");
  const [standing, setStanding] = useState<"ready" | "asking" | NotLive>("ready");
  // As long as nobody answered it is the same wish: asked twice, it is one session.
  const wish = useRef<{ name: string; wish: GoLive } | null>(null);
  const [field, problem] = [useId(), useId()];

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setStanding("asking");
    if (wish.current?.name !== name) wish.current = { name, wish: newWish(platform, name) };
    try {
      enter(await goLive(fetch, wish.current.wish));
    } catch (error) {
      setStanding(error instanceof NotLive ? error : new NotLive("unreachable", String(error)));
    }
  };

  return (
    <form class="door-form" onSubmit={(event) => void submit(event)}>
      {named && (
        <>
          <label for={field}>{say.djName}</label>
          <input
            id={field}
            name="djName"
            required
            maxLength={100}
            autocomplete="off"
            aria-describedby={problem}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </>
      )}
      <p id={problem} class="hint wrong" role="alert">
        {standing instanceof NotLive && refusal(standing)}
      </p>
      <button type="submit" class="button" disabled={standing === "asking"}>
        {standing === "asking" ? say.goingLive : say.goLive}
      </button>
    </form>
  );
}

function refusal({ why, words: reason }: NotLive): string {
  const say = words(area);
  switch (why) {
    case "sign-in":
      return say.needsSignIn;
    case "name":
      return say.nameWrong;
    case "too-often":
      return say.tooOften;
    case "unreachable":
      return say.unreachable;
    case "taken":
      return say.failed(reason);
  }
}
