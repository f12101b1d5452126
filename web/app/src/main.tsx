import { localStore, webPlatform } from "@pika/client";
import { render } from "preact";
import { App } from "./app.tsx";
import { listenForErrors, reporter } from "./errors.ts";
import { routeOf } from "./route.ts";
import { worksOffline } from "./offline.ts";
import { restApi } from "./api.ts";
import { socketUrl } from "./socket-url.ts";
import "./styles/base.css";
import "./styles/home.css";
import "./styles/foot.css";
import "./styles/live.css";
import "./styles/poll.css";
import "./styles/rows.css";

const page = document.getElementById("page");
if (page !== null) {
  const ask = (input: string, init: RequestInit) => fetch(input, init);
  const report = reporter(ask, () => routeOf(location.pathname).page);
  listenForErrors(report);
  const services = {
    platform: webPlatform({ storage: localStore(() => localStorage) }),
    api: restApi(ask),
    socketUrl: socketUrl(location),
    fetch: ask,
    report,
  };
  render(<App services={services} />, page);
}

if (import.meta.env.PROD && "serviceWorker" in navigator) {
  window.addEventListener("load", worksOffline);
}
