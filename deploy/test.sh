#!/usr/bin/env bash
# The whole test suite, from nothing: what is missing is installed, nothing that is missing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cache/pika/bin"

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

step "tools"
deploy/tools.sh nats node chromium cassandra smtp oidc schemathesis prometheus nginx kustomize check s3
step "pages"
deploy/web.sh
step "format and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --quiet -- -D warnings
(cd web && npm run --silent check)
step "deploy"
deploy/check.sh
step "page tests"
(cd web && npm test --silent)
step "build"
cargo build --workspace --tests --quiet
step "tests"
cargo test --workspace --quiet -- --test-threads 2
step "chaos"
# Always the same blows, so that a change is judged by what it changed; among them a kill of every kind of process. `make chaos`
# draws others each time.
target/debug/pika-chaos --minutes 3 --seed 6
step "small machine"
# 500 dancers in the memory that the README says.
SECONDS_LONG=15 deploy/small.sh
step "openapi"
deploy/openapi/run.sh
step "browser"
(cd web && npm run --silent e2e)
step "done"
