import { render } from "preact";
import { App } from "./app.tsx";
import { listenForErrors, reporter } from "./errors.ts";
import { applyLook } from "./look.ts";
import { routeOf } from "./route.ts";
import { restApi } from "./api.ts";
import { browserPlatform, socketUrl } from "./browser.ts";
import "./styles/base.css";
import "./styles/home.css";
import "./styles/live.css";
import "./styles/poll.css";

const page = document.getElementById("page");
if (page !== null) {
  const ask = (input: string, init: RequestInit) => fetch(input, init);
  const report = reporter(ask, () => routeOf(location.pathname).page);
  listenForErrors(report);
  applyLook();
  const services = {
    platform: browserPlatform(),
    api: restApi(ask),
    socketUrl: socketUrl(location),
    fetch: ask,
    report,
  };
  render(<App services={services} />, page);
}

// Behind everything that a dancer waits for. A browser that keeps nothing, or plain HTTP, has none; then Pika is a page.
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  window.addEventListener("load", () => {
    navigator.serviceWorker.register("/sw.js").catch(() => {});
  });
}
