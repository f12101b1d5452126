// The types of the wire are the server's: generated from the schemas that its own types give (`make wire`).

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { describe, expect, it } from "vitest";

const SCHEMAS = resolve(import.meta.dirname, "../../../schemas/wire");
const SOURCE = resolve(import.meta.dirname, "../src/contract");
const STYLE = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../.prettierrc.json"), "utf8"),
) as object;

/** What stands beside a `$ref` counts as well; the generator would take one for the other. */
function apart(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(apart);
  if (typeof schema !== "object" || schema === null) return schema;
  const { $ref, ...others } = schema as Record<string, unknown>;
  const rest = Object.fromEntries(Object.entries(others).map(([name, one]) => [name, apart(one)]));
  if ($ref === undefined) return rest;
  return Object.keys(rest).length === 0 ? { $ref } : { allOf: [{ $ref }, rest] };
}

describe("the contract", () => {
  for (const who of ["client", "server"]) {
    // `make wire` runs this with --update, which writes the file.
    it(`is what is generated of the schema of the ${who}`, async () => {
      const path = resolve(SCHEMAS, `${who}.schema.json`);
      const schema = apart(JSON.parse(readFileSync(path, "utf8"))) as JSONSchema;
      const made = await compile(schema, schema.title ?? who, {
        bannerComment: `// Generated from schemas/wire/${who}.schema.json. Change the server's types, and run 'make wire'.`,
        additionalProperties: false,
        ignoreMinAndMaxItems: true,
        style: { ...STYLE, parser: "typescript" },
      });
      await expect(made).toMatchFileSnapshot(resolve(SOURCE, `${who}.ts`));
    });
  }
});
