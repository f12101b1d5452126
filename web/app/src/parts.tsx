// Small parts that several pages share.

import type { ComponentChildren, CSSProperties, TargetedMouseEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { go } from "./route.ts";

interface LinkProps {
  to: string;
  class?: string;
  /** The page that is shown already. */
  current?: boolean;
  children: ComponentChildren;
}

/** A link inside the page. With a modifier key it is an ordinary link: a new tab is the dancer's choice. */
export function Link({ to, class: name, current, children }: LinkProps) {
  const follow = (event: TargetedMouseEvent<HTMLAnchorElement>) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} class={name} aria-current={current === true ? "page" : undefined} onClick={follow}>
      {children}
    </a>
  );
}

/** Words of others stand by themselves: their direction does not turn the words around them. */
export function Said({ children }: { children: string }) {
  return <bdi>{children}</bdi>;
}

interface NamedProps {
  title: string;
  artist: string;
  /** What stands behind the artist. */
  after?: ComponentChildren;
  /** What stands below both. */
  children?: ComponentChildren;
}

/** A track in a row of a list. */
export function Named({ title, artist, after, children }: NamedProps) {
  return (
    <div class="row-words">
      <p class="row-title">
        <Said>{title}</Said>
      </p>
      <p class="row-artist">
        <Said>{artist}</Said>
        {after}
      </p>
      {children}
    </div>
  );
}

/** The heading of a page takes the focus when the page changes, so that a screen reader starts there. */
export function Heading({ children }: { children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

export function Message({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <main class="message">
      <Bolt />
      <Heading>{title}</Heading>
      {children}
    </main>
  );
}

/** Numbers for the stylesheet. Set through the DOM, which the page's policy allows. */
export function vars(values: Record<string, number>): CSSProperties {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`--${name}`, String(value)]),
  ) as CSSProperties;
}

/** Each track has a colour of its own, the same on every phone in the room. */
export function hueOf(key: string): number {
  let hash = 7;
  for (let i = 0; i < key.length; i += 1) hash = (hash * 31 + key.charCodeAt(i)) % 360_007;
  return hash % 360;
}

export function Bolt() {
  return (
    <svg class="bolt" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M18.6 3 7 18.2h7.3L12.8 29 25 13.3h-7.6z" fill="currentColor" />
    </svg>
  );
}

export function Heart() {
  return (
    <svg class="heart" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M12 20.6 4.2 13a5.1 5.1 0 0 1 0-7.2 5.1 5.1 0 0 1 7.2 0l.6.6.6-.6a5.1 5.1 0 0 1 7.2 7.2z" />
    </svg>
  );
}

export function People() {
  return (
    <svg class="people" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="9" cy="8" r="3.5" />
      <path d="M2.5 19.5c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6zM16 11.3a3.2 3.2 0 1 0-.9-6.2M17.3 13.8c2.5.5 4.2 2.6 4.2 5.7h-3.7" />
    </svg>
  );
}
