// What stands around every page that is read and filled in rather than danced with.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { LanguageSwitch } from "../language-switch.tsx";
import { Bolt, Heading, Link } from "../parts.tsx";

interface FrameProps {
  /** Nothing: the page brings a heading of its own. */
  title?: string;
  lead?: string;
  nav?: ComponentChildren;
  children: ComponentChildren;
}

export function Frame({ title, lead, nav, children }: FrameProps) {
  useEffect(() => {
    if (title !== undefined) document.title = `${title} · Pika`;
  }, [title]);
  return (
    <div class={nav === undefined ? "sheet" : "sheet with-nav"}>
      <header class="sheet-head">
        <Link to="/" class="wordmark">
          <Bolt /> Pika
        </Link>
        <LanguageSwitch />
      </header>
      {nav}
      <main class="sheet-main">
        {title !== undefined && <Heading key={title}>{title}</Heading>}
        {lead !== undefined && <p class="lead">{lead}</p>}
        {children}
      </main>
    </div>
  );
}

interface NavProps {
  label: string;
  path: string;
  links: readonly (readonly [path: string, label: string])[];
}

export function Nav({ label, path, links }: NavProps) {
  const nav = useRef<HTMLElement>(null);
  // On a phone the parts stand in a row that is wider than the phone: the one that is shown comes into sight.
  useEffect(() => {
    const current = nav.current?.querySelector("[aria-current]");
    current?.scrollIntoView({ inline: "center", block: "nearest", behavior: "instant" });
  }, [path]);
  return (
    <nav ref={nav} class="sheet-nav" aria-label={label}>
      <ul>
        {links.map(([to, name]) => (
          <li key={to}>
            <Link to={to} current={to === path}>
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
