import { useEffect, useState } from "preact/hooks";
import { refusalWords } from "../account/refusals.ts";
import { Said } from "../parts.tsx";
import { dayOf, timeOf } from "../times.ts";
import { account as accountWords } from "../words/account.ts";
import { admin } from "../words/admin.ts";
import { words } from "../words/language.ts";
import type { AdminApi, Entry } from "./admin-api.ts";
import { useNames, type Names } from "./names.ts";

const PAGE = 40;

interface LogProps {
  api: AdminApi;
  names: Names;
  /** Only what concerns this account. */
  account?: string;
}

export function AuditPart({ api, names }: LogProps) {
  return (
    <section class="card">
      <Log api={api} names={names} />
    </section>
  );
}

export function Log({ api, names, account }: LogProps) {
  const [entries, setEntries] = useState<Entry[]>();
  const [more, setMore] = useState(false);
  const [failed, setFailed] = useState("");
  const known = useNames(names);
  const say = words(admin);

  const read = async (have: readonly Entry[]) => {
    setFailed("");
    // A moment may hold several entries: the last one's is read again, and what is there already is left out.
    const last = have.at(-1);
    try {
      const page = await api.audit(PAGE, last === undefined ? undefined : last.at + 1, account);
      const fresh = page.filter((entry) => have.every((one) => one.id !== entry.id));
      await names.know(fresh.flatMap((entry) => [entry.account, entry.actor]));
      setEntries([...have, ...fresh]);
      setMore(page.length === PAGE && fresh.length > 0);
    } catch (error) {
      setFailed(refusalWords(error));
    }
  };
  useEffect(() => void read([]), [account]);

  return (
    <>
      {entries?.length === 0 && <p class="quiet">{say.nothing}</p>}
      <ol class="log">
        {entries?.map((entry) => (
          <li key={entry.id}>
            <time class="hint" dateTime={new Date(entry.at).toISOString()}>
              {dayOf(entry.at)} {timeOf(entry.at)}
            </time>
            <span>
              {account === undefined && (
                <>
                  <strong>
                    <Who id={entry.account} names={known} />:
                  </strong>{" "}
                </>
              )}
              {say.actions[entry.action] ?? entry.action}
              {entry.detail !== "" && (
                <span class="hint">
                  {" "}
                  (<Said>{detailOf(entry)}</Said>)
                </span>
              )}
              {entry.actor !== entry.account && entry.actor !== undefined && (
                <span class="hint">
                  {" "}
                  {say.by} <Who id={entry.actor} names={known} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ol>
      <p class="outcome wrong" role="status">
        {failed}
      </p>
      {more && (
        <button type="button" class="button plain small" onClick={() => void read(entries ?? [])}>
          {say.more}
        </button>
      )}
    </>
  );
}

/** A role stands there by its name of the table. */
function detailOf(entry: Entry): string {
  const role = entry.action === "role_granted" || entry.action === "role_taken";
  return (role ? words(accountWords).roles[entry.detail] : undefined) ?? entry.detail;
}

function Who({ id, names }: { id: string | undefined; names: Names }) {
  const say = words(admin);
  if (id === undefined) return <>{say.nobody}</>;
  const name = names.of(id);
  if (name === undefined) return <>…</>;
  return name === null ? <>{say.removedAccount}</> : <Said>{name}</Said>;
}
