// `/admin`: users and their roles, and the log of what was done. What it shows the server gives to admins alone; whoever is
// none is told so here instead of meeting empty lists.

import { useState } from "preact/hooks";
import { Frame, Nav } from "../account/frame.tsx";
import { useDoor } from "../account/who.ts";
import { Link } from "../parts.tsx";
import { rest } from "../rest.ts";
import { useServices } from "../services.ts";
import { admin } from "../words/admin.ts";
import { words } from "../words/language.ts";
import { shared } from "../words/shared.ts";
import { adminApi } from "./admin-api.ts";
import { AuditPart } from "./audit.tsx";
import { Names } from "./names.ts";
import { UsersPart } from "./users.tsx";
import "../styles/sheet.css";
import "../styles/admin.css";

export function AdminPage({ part }: { part: string }) {
  const door = useDoor();
  const { fetch } = useServices();
  const [api] = useState(() => adminApi(rest(fetch)));
  const [names] = useState(() => new Names(api));
  const say = words(admin);

  const log = part === "audit";
  const title = log ? say.audit : say.users;
  const links = [
    ["/admin", say.users],
    ["/admin/audit", say.audit],
    ["/account", say.account],
  ] as const;
  const nav = <Nav label={say.nav} path={log ? "/admin/audit" : "/admin"} links={links} />;

  if (door.who.kind === "asking") {
    // As it will stand for an admin, so that nothing moves for one.
    return (
      <Frame title={title} nav={nav}>
        <p class="quiet pending">{words(shared).loading}</p>
      </Frame>
    );
  }
  if (door.who.kind !== "in" || !door.who.user.roles.includes("admin")) {
    return (
      <Frame title={say.notAdmin} lead={say.notAdminLead}>
        <Link to="/account" class="button">
          {say.signIn}
        </Link>
      </Frame>
    );
  }
  return (
    <Frame title={title} nav={nav}>
      {log ? (
        <AuditPart api={api} names={names} />
      ) : (
        <UsersPart api={api} names={names} self={door.who.user.id} />
      )}
    </Frame>
  );
}
