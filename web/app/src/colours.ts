// The colours of colours.css for what is drawn rather than styled.

import { useEffect, useState } from "preact/hooks";

/** Each of them is written with six digits, so that two more make it see-through. */
export type Colour = "quiet" | "line" | "heart" | "glow" | "mint" | "sky";

/** The colours that hold in this box now. */
export function coloursOf(box: Element): (name: Colour) => string {
  const style = getComputedStyle(box);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

/** Whether the pages are light; a chart that was drawn before that changed is drawn anew. */
export function useBright(): boolean {
  const [bright, setBright] = useState(isBright);
  useEffect(() => {
    const watch = new MutationObserver(() => setBright(isBright()));
    watch.observe(document.documentElement, { attributeFilter: ["class"] });
    return () => watch.disconnect();
  }, []);
  return bright;
}

const isBright = () => document.documentElement.classList.contains("light");
