import type { TargetedSubmitEvent } from "preact";
import { useId, useState } from "preact/hooks";
import { refusalWords } from "../account/refusals.ts";
import { Said } from "../parts.tsx";
import { agoOf, dayOf } from "../times.ts";
import { account } from "../words/account.ts";
import { admin } from "../words/admin.ts";
import { words } from "../words/language.ts";
import type { AdminApi, GrantedRole, ManagedUser } from "./admin-api.ts";
import { Log } from "./audit.tsx";
import { useNames, type Names } from "./names.ts";

const ROLES = ["admin", "organizer", "dance_school", "dj"] as const;

interface Props {
  user: ManagedUser;
  api: AdminApi;
  names: Names;
  self: string;
  onChange: (user: ManagedUser) => void;
}

export function UserCard({ user, api, names, self, onChange }: Props) {
  const [outcome, setOutcome] = useState("");
  const [history, setHistory] = useState(false);
  const heading = useId();
  const say = words(admin);

  const act = async (what: Promise<ManagedUser>) => {
    setOutcome("");
    try {
      onChange(await what);
    } catch (error) {
      setOutcome(refusalWords(error));
    }
  };
  const grant = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const role = new FormData(event.currentTarget).get("role");
    if (typeof role === "string") void act(api.grant(user.id, role));
  };
  const suspend = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = new FormData(event.currentTarget).get("reason");
    void act(api.suspend(user.id, typeof reason === "string" ? reason : ""));
  };
  const free = ROLES.filter((role) => user.roles.every((held) => held.role !== role));

  return (
    <article class="card user" aria-labelledby={heading}>
      <header>
        <h2 id={heading}>
          <Said>{user.displayName}</Said>
          {user.suspendedAt !== undefined && <span class="chip bad">{say.suspended}</span>}
        </h2>
        <p class="quiet">
          <Said>{user.email}</Said> · {user.emailVerified ? say.verified : say.unverified}
        </p>
        <p class="hint">
          {say.joined} {dayOf(user.createdAt)} ·{" "}
          {user.lastSignIn === undefined
            ? say.neverSignedIn
            : `${say.lastSignIn} ${agoOf(user.lastSignIn)}`}
        </p>
      </header>
      <ul class="roles" aria-label={say.roles}>
        {user.roles.length === 0 && <li class="quiet">{say.noRoles}</li>}
        {user.roles.map((held) => (
          <Role
            key={held.role}
            held={held}
            names={names}
            own={user.id === self}
            withAccount={held.grantedAt - user.createdAt < 1_000}
            onTake={() => void act(api.take(user.id, held.role))}
          />
        ))}
      </ul>
      <div class="user-acts">
        {free.length > 0 && (
          <form class="inline" onSubmit={grant}>
            <select name="role" aria-label={say.role}>
              {free.map((role) => (
                <option key={role} value={role}>
                  {words(account).roles[role]}
                </option>
              ))}
            </select>
            <button type="submit" class="button plain small">
              {say.grant}
            </button>
          </form>
        )}
        {user.suspendedAt !== undefined && (
          <button
            type="button"
            class="button plain small"
            onClick={() => void act(api.reinstate(user.id))}
          >
            {say.reinstate}
          </button>
        )}
        {user.suspendedAt === undefined && user.id !== self && (
          <form class="inline" onSubmit={suspend}>
            <input
              name="reason"
              aria-label={say.reason}
              placeholder={say.reason}
              maxLength={200}
              required
            />
            <button type="submit" class="button plain small bad">
              {say.suspend}
            </button>
          </form>
        )}
        <button
          type="button"
          class="button plain small"
          aria-expanded={history}
          onClick={() => setHistory(!history)}
        >
          {history ? say.hideHistory : say.history}
        </button>
      </div>
      <p class="outcome wrong" role="status">
        {outcome}
      </p>
      {history && <Log api={api} names={names} account={user.id} />}
    </article>
  );
}

interface RoleProps {
  held: GrantedRole;
  names: Names;
  own: boolean;
  /** It came with the account; else nobody who is signed in granted it. */
  withAccount: boolean;
  onTake: () => void;
}

function Role({ held, names, own, withAccount, onTake }: RoleProps) {
  const say = words(admin);
  const known = useNames(names);
  const name = words(account).roles[held.role] ?? held.role;
  const by =
    held.grantedBy === undefined
      ? withAccount
        ? say.grantedWithAccount
        : say.grantedByOperator
      : say.grantedBy(known.of(held.grantedBy) ?? say.removedAccount);
  return (
    <li class="role">
      <span>
        <strong>{name}</strong>{" "}
        <span class="hint">
          <Said>{by}</Said>, {dayOf(held.grantedAt)}
        </span>
      </span>
      {!(own && held.role === "admin") && (
        <button
          type="button"
          class="button plain small"
          aria-label={say.take(name)}
          onClick={onTake}
        >
          {say.takeShort}
        </button>
      )}
    </li>
  );
}
