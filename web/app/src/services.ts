import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Platform } from "@pika/client";
import type { Api } from "./api.ts";
import type { Report } from "./errors.ts";
import type { Fetch } from "./rest.ts";

/** What the pages need from outside; a test hands in its own. */
export interface Services {
  platform: Platform;
  api: Api;
  socketUrl: string;
  /** For routes that only some pages need. */
  fetch: Fetch;
  /** Tells the server what broke in a page. */
  report: Report;
}

export const ServicesContext = createContext<Services | null>(null);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === null) throw new Error("a page stands outside the App");
  return services;
}
