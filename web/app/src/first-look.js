// How the pages look, before the first of them is drawn: whoever chose light colours sees no dark page first. It is a plain
// script in the head, of a file of its own, since the pages' policy lets none stand inside them; the styles are waited for
// at the same time, so that it costs no time. What is kept, and who may change it: look.ts.
(() => {
  const KEY = "pika.look";
  const light = matchMedia("(prefers-color-scheme: light)");

  function apply(kept) {
    const { theme = "dark", textSize = 100, lessMotion = false, showBpm = true } = kept;
    const root = document.documentElement;
    const bright = theme === "light" || (theme === "system" && light.matches);
    root.classList.toggle("light", bright);
    root.classList.toggle("still", lessMotion === true);
    root.classList.toggle("without-bpm", showBpm === false);
    const sound = typeof textSize === "number" && textSize >= 50 && textSize <= 300;
    root.style.fontSize = sound && textSize !== 100 ? `${textSize}%` : "";
    tell("color-scheme", bright ? "light" : "dark");
    tell("theme-color", bright ? "#f6f4fb" : "#0b0a12");
  }

  /** What the browser itself draws: the page's first colour, and the bar above it. */
  function tell(name, content) {
    document.querySelector(`meta[name=${name}]`)?.setAttribute("content", content);
  }

  function stored() {
    try {
      return JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {};
    } catch {
      return {};
    }
  }

  let now = stored();
  apply(now);
  addEventListener("pika:look", (event) => apply((now = event.detail)));
  // Another tab of the same person chose, or everything that was kept here is gone.
  addEventListener("storage", ({ key }) => {
    if (key === KEY || key === null) apply((now = stored()));
  });
  light.addEventListener("change", () => apply(now));
})();
