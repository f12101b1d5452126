// Pages that are not on the way to the floor: their code is loaded when they are wanted.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Message } from "./parts.tsx";
import { words } from "./words/language.ts";
import { shared } from "./words/shared.ts";

/** A page whose code `load` fetches, once. While it comes there is a quiet line; when it does not come, a way to try again. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Later(props: P) {
    const [state, setState] = useState<"loading" | "there" | "failed">(
      loaded === undefined ? "loading" : "there",
    );
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (page) => {
          loaded = page;
          setState("there");
        },
        () => setState("failed"),
      );
    }, []);
    if (state === "failed") {
      return (
        <Message title={words(shared).pageFailed}>
          <button type="button" class="button" onClick={() => location.reload()}>
            {words(shared).tryAgain}
          </button>
        </Message>
      );
    }
    const Page = loaded;
    return Page === undefined ? (
      <p class="loading">{words(shared).loading}</p>
    ) : (
      <Page {...props} />
    );
  };
}
