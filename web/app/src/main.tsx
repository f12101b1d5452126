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
    fetch: ask,
    report,
    socketUrl: socketUrl(location),
  };
  render(<App services={services} />, page);
}
