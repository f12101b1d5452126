#!/usr/bin/env bash
# Builds the pages into web/dist, unless they are newer than everything they are made of.
set -euo pipefail
cd "$(dirname "$0")/../web"
if [ -f dist/assets/.built ] && [ -z "$(find . \( -name node_modules -o -name dist -o -name src-rs -o -name e2e \) -prune -o -type f -newer dist/assets/.built -print -quit)" ]; then
  exit 0
fi
npm run --silent build
touch dist/assets/.built
