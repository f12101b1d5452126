#!/usr/bin/env bash
# The whole test suite, from nothing: what is missing is installed, nothing that is missing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cache/pika/bin"

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

step "tools"
deploy/tools.sh nats node chromium cassandra
step "pages"
deploy/web.sh
step "format and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --quiet -- -D warnings
(cd web && npm run --silent check)
step "page tests"
(cd web && npm test --silent)
step "build"
cargo build --workspace --tests --quiet
step "tests"
cargo test --workspace --quiet -- --test-threads 2
step "chaos"
target/debug/pika-chaos --minutes 3
step "browser"
(cd web && npm run --silent e2e)
step "done"
