// What this person liked, evening by evening.

import { useEffect, useMemo, useState } from "preact/hooks";
import { LikeJournal, visible } from "@pika/client";
import type { OwnLike, OwnLikes } from "../api.ts";
import { Bolt, Heading, Heart, Link, Named, Said } from "../parts.tsx";
import { recapPath } from "../route.ts";
import { useServices } from "../services.ts";
import { dateOf, timeOf } from "../times.ts";
import { words } from "../words/language.ts";
import { likes as area } from "../words/likes.ts";
import { shared } from "../words/shared.ts";
import "../styles/likes.css";

const NONE: OwnLikes = { total: 0, likes: [] };

export function LikesPage() {
  const { api } = useServices();
  const say = words(area);
  const [found, setFound] = useState<OwnLikes | "asking" | "failed">("asking");
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let here = true;
    setFound("asking");
    api.ownLikes().then(
      (answer) => here && setFound(answer ?? NONE),
      () => here && setFound("failed"),
    );
    return () => void (here = false);
  }, [api, attempt]);
  const title = `${say.title} · Pika`;
  useEffect(() => void (document.title = title), [title]);

  return (
    <div class="likes">
      <header class="likes-head">
        <Link to="/" class="home-link">
          <Bolt />
          <span class="unseen">{words(shared).toSessions}</span>
        </Link>
        <Heading>{say.title}</Heading>
        {typeof found === "object" && found.total > 0 && (
          <p class="quiet">
            {say.total(found.total)}
            {found.total > found.likes.length && `, ${say.newest(found.likes.length)}`}
          </p>
        )}
      </header>
      <main class="likes-list">
        <Waiting />
        {found === "asking" && <p class="quiet">{say.loading}</p>}
        {found === "failed" && (
          <div class="card" role="alert">
            <p>{say.failed}</p>
            <button type="button" class="button small" onClick={() => setAttempt(attempt + 1)}>
              {words(shared).tryAgain}
            </button>
          </div>
        )}
        {typeof found === "object" && found.likes.length === 0 && <p class="quiet">{say.none}</p>}
        {typeof found === "object" &&
          evenings(found.likes).map((evening) => <Evening key={evening[0]?.id} likes={evening} />)}
        <p class="hint">{say.own}</p>
      </main>
    </div>
  );
}

/** Likes that this phone still keeps: they are in no answer of the server yet. */
function Waiting() {
  const { platform } = useServices();
  const say = words(area);
  const unsent = useMemo(
    () => new LikeJournal(platform.storage, () => platform.wallClock()).all(),
    [platform],
  );
  if (unsent.length === 0) return null;
  return (
    <section class="card" aria-labelledby="waiting-heading" data-testid="likes-waiting">
      <h2 id="waiting-heading">{say.waiting}</h2>
      <p class="hint">{say.waitingHelp}</p>
      <ul>
        {unsent.map((like) => (
          <li key={`${like.sessionId} ${like.artist} ${like.title}`} class="own-like">
            <Heart />
            <Named title={visible(like.title)} artist={visible(like.artist)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Evening({ likes }: { likes: readonly OwnLike[] }) {
  const [first] = likes;
  if (first === undefined) return null;
  const heading = `evening-${first.id}`;
  return (
    <section aria-labelledby={heading}>
      <div class="evening-head">
        <h2 id={heading}>
          <Said>{first.djName}</Said>
        </h2>
        <p class="hint">{dateOf(first.sessionDate)}</p>
        <Link to={recapPath(first.sessionId)} class="evening-link">
          {words(area).evening}
        </Link>
      </div>
      <ul>
        {likes.map((like) => (
          <li key={like.id} class="own-like">
            <Heart />
            <Named title={like.track.title} artist={like.track.artist} />
            <time class="hint" dateTime={new Date(like.likedAt).toISOString()}>
              {timeOf(like.likedAt)}
            </time>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Neighbours of one evening, in the order of the answer. */
function evenings(likes: readonly OwnLike[]): OwnLike[][] {
  const all: OwnLike[][] = [];
  for (const like of likes) {
    const last = all.at(-1);
    const before = last?.[0];
    const same = before?.sessionId === like.sessionId && before.sessionDate === like.sessionDate;
    if (last !== undefined && same) last.push(like);
    else all.push([like]);
  }
  return all;
}
