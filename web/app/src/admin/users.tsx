import type { TargetedSubmitEvent } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { refusalWords } from "../account/refusals.ts";
import { words } from "../words/language.ts";
import { admin } from "../words/admin.ts";
import type { AdminApi, ManagedUser } from "./admin-api.ts";
import type { Names } from "./names.ts";
import { UserCard } from "./user-card.tsx";

interface Props {
  api: AdminApi;
  names: Names;
  self: string;
}

export function UsersPart({ api, names, self }: Props) {
  const [wanted, setWanted] = useState("");
  const [users, setUsers] = useState<ManagedUser[]>();
  const [next, setNext] = useState<string>();
  const [failed, setFailed] = useState("");
  const field = useId();
  const say = words(admin);

  /** The pages of a search may be empty and not the last: it reads on until there is somebody to show. */
  const read = async (after?: string) => {
    setFailed("");
    let from = after;
    try {
      do {
        const page = await api.users(wanted, from);
        names.learn(page.users);
        setUsers((before) =>
          from === undefined ? page.users : [...(before ?? []), ...page.users],
        );
        from = page.next;
        if (page.users.length > 0) break;
      } while (from !== undefined);
      setNext(from);
    } catch (error) {
      setFailed(refusalWords(error));
    }
  };
  useEffect(() => void read(), [wanted]);

  const search = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const typed = new FormData(event.currentTarget).get("q");
    setWanted(typeof typed === "string" ? typed.trim() : "");
  };
  const changed = (user: ManagedUser) =>
    setUsers((all) => all?.map((one) => (one.id === user.id ? user : one)));

  return (
    <>
      <form class="search" role="search" onSubmit={search}>
        <label for={field}>{say.search}</label>
        <div class="search-row">
          <input
            id={field}
            name="q"
            type="search"
            autocomplete="off"
            spellcheck={false}
            maxLength={200}
          />
          <button type="submit" class="button small">
            {say.find}
          </button>
        </div>
      </form>
      <p class="outcome wrong" role="status">
        {failed}
      </p>
      {users?.length === 0 && failed === "" && <p class="quiet">{say.noneFound}</p>}
      <ul class="users">
        {users?.map((user) => (
          <li key={user.id}>
            <UserCard user={user} api={api} names={names} self={self} onChange={changed} />
          </li>
        ))}
      </ul>
      {next !== undefined && (
        <button type="button" class="button plain" onClick={() => void read(next)}>
          {say.more}
        </button>
      )}
    </>
  );
}
