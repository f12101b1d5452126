#!/usr/bin/env bash
# What Pika is made of, as CycloneDX: PREFIX.crates.cdx.json for the program, PREFIX.pages.cdx.json for the pages. Usage: deploy/sbom.sh PREFIX
set -euo pipefail
cd "$(dirname "$0")/.."
cargo metadata --locked --format-version 1 --filter-platform "$(rustc -vV | sed -n 's/^host: //p')" | node deploy/check/sbom.mjs crates >"$1.crates.cdx.json"
node deploy/check/sbom.mjs pages >"$1.pages.cdx.json"
