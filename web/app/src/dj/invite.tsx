import { useMemo, useState } from "preact/hooks";
import { encode } from "uqr";
import { remoteLink, type OwnSession } from "@pika/client/dj";
import { useChosen } from "../projector/unattended.ts";
import { projectorPath } from "../route.ts";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";

export function Invite({ session }: { session: OwnSession }) {
  const say = words(area);
  const { joinCode, joinUrl, sessionId } = session;
  const results = useChosen() === "live" ? "?results=live" : "";
  return (
    <section class="card desk-panel desk-invite" aria-labelledby="dj-invite">
      <h2 id="dj-invite">{say.invite}</h2>
      <div class="desk-join">
        <img
          class="desk-qr"
          src={`/qr/${joinCode}.svg`}
          width="132"
          height="132"
          alt={say.qr(joinCode)}
        />
        <div>
          <p class="hint">{say.code}</p>
          <p class="desk-code" data-testid="dj-code">
            {joinCode}
          </p>
          <Copy link={joinUrl} />
        </div>
      </div>
      <a
        class="button"
        href={`${projectorPath(sessionId)}${results}`}
        target="_blank"
        rel="noreferrer"
      >
        {say.projector}
      </a>
      <Remote session={session} />
    </section>
  );
}

function Copy({ link }: { link: string }) {
  const { platform } = useServices();
  const say = words(area);
  const [copied, setCopied] = useState(false);
  // A page on plain HTTP has no clipboard; then the link is there to be copied by hand.
  if (!("clipboard" in navigator)) return <p class="desk-link">{link}</p>;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      return;
    }
    setCopied(true);
    platform.after(3_000, () => setCopied(false));
  };
  return (
    <button type="button" class="button plain small" onClick={() => void copy()}>
      {copied ? say.copied : say.copy}
    </button>
  );
}

/** A secret: shown only when it is asked for, and drawn here, since no server must see it in an address. */
function Remote({ session }: { session: OwnSession }) {
  const say = words(area);
  const [shown, setShown] = useState(false);
  const link = remoteLink(session, `${location.origin}/dj`);
  return (
    <div class="desk-remote">
      <h3>{say.remote}</h3>
      <p class="hint">{say.remoteHelp}</p>
      {shown && (
        <a href={link} data-testid="dj-remote" class="desk-remote-link">
          <Qr text={link} label={say.remoteQr} />
        </a>
      )}
      <button type="button" class="button plain small" onClick={() => setShown(!shown)}>
        {shown ? say.remoteHide : say.remoteShow}
      </button>
    </div>
  );
}

function Qr({ text, label }: { text: string; label: string }) {
  const { data, size } = useMemo(() => encode(text, { ecc: "L", border: 3 }), [text]);
  const dark = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg class="desk-qr wide" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label}>
      <rect width={size} height={size} fill="#fff" />
      <path d={dark.join("")} fill="#000" shape-rendering="crispEdges" />
    </svg>
  );
}
