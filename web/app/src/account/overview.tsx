import { useState } from "preact/hooks";
import { Link, Said } from "../parts.tsx";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { refusalWords } from "./refusals.ts";
import { useDoor } from "./who.ts";

export function Overview() {
  const door = useDoor();
  const say = words(account);
  const [outcome, setOutcome] = useState("");
  if (door.who.kind !== "in") return null;
  const { user } = door.who;

  const signOut = async () => {
    try {
      await door.api.signOut();
      door.set({ kind: "guest" });
    } catch (error) {
      setOutcome(refusalWords(error));
    }
  };

  return (
    <>
      <section class="card who" aria-label={say.title}>
        <p class="who-name">
          <Said>{user.displayName}</Said>
        </p>
        <p class="quiet">
          <Said>{user.email}</Said>
        </p>
        <ul class="chips">
          {user.roles.map((role) => (
            <li key={role} class="chip">
              {say.roles[role] ?? role}
            </li>
          ))}
        </ul>
      </section>
      {!user.emailVerified && <Unverified />}
      <p class="actions">
        {/* A page of its own: its policy lets pictures of other hosts in. */}
        <a class="button plain small" href={`/dj/${encodeURIComponent(user.slug)}`}>
          {say.publicPage}
        </a>
        {user.roles.includes("admin") && (
          <Link to="/admin" class="button plain small">
            {say.adminPage}
          </Link>
        )}
        <button type="button" class="button plain small" onClick={() => void signOut()}>
          {say.signOut}
        </button>
      </p>
      <p class="outcome wrong" role="status">
        {outcome}
      </p>
    </>
  );
}

function Unverified() {
  const door = useDoor();
  const say = words(account);
  const [outcome, setOutcome] = useState("");
  const send = () =>
    door.api.sendVerification().then(
      () => setOutcome(say.onItsWay),
      (error: unknown) => setOutcome(refusalWords(error)),
    );
  return (
    <section class="card warning">
      <p>{say.unverified}</p>
      <div class="form-foot">
        <button type="button" class="button plain small" onClick={() => void send()}>
          {say.sendAgain}
        </button>
        <p class="outcome" role="status">
          {outcome}
        </p>
      </div>
    </section>
  );
}
