// A running `pika dev` with a data directory of its own.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BUILT_PAGE, PIKA } from "./parts.ts";

export type Settings = Readonly<Record<`PIKA_${string}`, string>>;

export class Pika {
  private child: ChildProcess | undefined;

  private constructor(
    readonly data: string,
    private readonly settings: Settings,
    private address: string,
  ) {}

  static async start(settings: Settings = {}): Promise<Pika> {
    const data = await mkdtemp(join(tmpdir(), "pika-e2e-"));
    const pika = new Pika(data, settings, "127.0.0.1:0");
    try {
      await pika.spawn();
      await pika.showsThisBuild();
    } catch (error) {
      await pika.stop();
      throw error;
    }
    return pika;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** SIGTERM, and waits for the exit; gives whether it was clean. */
  async terminate(): Promise<boolean> {
    return (await this.end("SIGTERM")) === 0;
  }

  /** The end that no process can prepare for. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Starts it again where it was: same data, same settings, same address. */
  async restart(): Promise<void> {
    await this.spawn();
  }

  async stop(): Promise<void> {
    await this.kill();
    this.stopBroker();
    await rm(this.data, { recursive: true, force: true });
  }

  async get<T>(path: string): Promise<T | null> {
    const response = await fetch(this.url + path, { headers: { Accept: "application/json" } });
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return (await response.json()) as T;
  }

  /** `pika admin …` beside the running server, as an operator types it. */
  async admin(...args: string[]): Promise<void> {
    const env = { ...inherited(), ...this.settings, PIKA_DATA: this.data, PIKA_LOG: "error" };
    const child = spawn(PIKA, ["admin", ...args], {
      cwd: this.data,
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`pika admin ${args.join(" ")} ended with ${code}`);
  }

  private async spawn(): Promise<void> {
    const own = { PIKA_DATA: this.data, PIKA_LISTEN: this.address, PIKA_LOG: "warn" };
    const child = spawn(PIKA, ["dev"], {
      cwd: this.data,
      env: { ...inherited(), ...own, ...this.settings },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    // A run that is interrupted must not leave servers behind.
    process.once("exit", this.bury);
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /http:\/\/([\d.:]+)/.exec(line);
      if (url?.[1] === undefined) continue;
      this.address = url[1];
      child.stdout.resume();
      return;
    }
    throw new Error("pika dev ended before it served");
  }

  /** A test of yesterday's pages would say nothing about today's. */
  private async showsThisBuild(): Promise<void> {
    if (!existsSync(BUILT_PAGE)) return;
    const given = await (await fetch(this.url)).text();
    if (given === readFileSync(BUILT_PAGE, "utf8")) return;
    throw new Error(`${PIKA} holds other pages than web/dist: run 'cargo build --workspace'`);
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === undefined) return null;
    this.child = undefined;
    process.off("exit", this.bury);
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, "exit");
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }

  private readonly bury = () => {
    this.child?.kill("SIGKILL");
    this.stopBroker();
  };

  /** A killed `pika dev` leaves its broker behind: its next start takes it over, a finished story has none. */
  private stopBroker(): void {
    try {
      process.kill(Number(readFileSync(join(this.data, "nats/nats.pid"), "utf8")), "SIGKILL");
    } catch {
      // It has left already.
    }
  }
}

/** The server reads every PIKA_ variable as a setting of its own; of a tester's only the broker's place is one. */
function inherited(): NodeJS.ProcessEnv {
  const ours = (name: string) => name.startsWith("PIKA_") && name !== "PIKA_NATS_SERVER";
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
}
