// The rules that machines can check.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe finds, a line a rule. It is let in past the page's policy, as an extension would be. */
export async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: (options: unknown) => Promise<{ violations: Violation[] }> };
    };
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.map((one) => {
      const [first] = one.nodes;
      return `${one.id}: ${one.help}: ${first?.html.slice(0, 160)} ${first?.failureSummary ?? ""}`;
    });
  });
}
