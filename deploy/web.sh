#!/usr/bin/env bash
# Builds the pages into web/dist, unless they are newer than everything they are made of.
set -euo pipefail
cd "$(dirname "$0")/../web"
built=dist/assets/.built
sources=(app/{index.html,package.json,public,src,tsconfig.json,vite.config.ts} client/{package.json,src,tsconfig.json}
  package.json package-lock.json tsconfig.base.json)

# Folders are asked as well: one that lost a file is newer, although none of its files is.
if [ -f "$built" ] && [ -z "$(find "${sources[@]}" -newer "$built" -print -quit)" ]; then
  exit 0
fi
# As old as the start of the build, so that what is saved while it runs counts as newer.
begun=$(mktemp)
trap 'rm -f "$begun"' EXIT
npm run --silent build
touch -r "$begun" "$built"
