# Pika's commands. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CACHE := $(HOME)/.cache/pika
export PATH := $(PATH):$(CACHE)/bin

.PHONY: help tools web screenshots run test check lint fmt fuzz openapi sim chaos bench micro flame soak drill small deploy-check release audit test-rust test-web test-browser wire clean

help: ## Lists these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

tools: ## Finds or installs what is needed and missing: nats-server, the pages' packages
	@deploy/tools.sh nats node

web: tools ## Builds the pages into web/dist
	@deploy/web.sh

run: web ## Runs all roles on 127.0.0.1:3001 with data in ./data (PIKA_LISTEN, PIKA_DATA change them)
	cargo build --workspace --bins
	exec target/debug/pika dev

test: ## Everything that must hold before a change lands, on a clean checkout too
	@deploy/test.sh

check: ## The quick loop: format, lints, unit and contract tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo test --workspace --quiet --lib --bins --test sqlite -- --skip on_cql --skip accounts::logins

lint: ## Format and lints, warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

fmt: ## Formats the code
	cargo fmt --all

screenshots: web ## Photographs every page of one evening: all into web/dist-pictures, those of the README into docs/pictures
	@deploy/tools.sh nats chromium
	cargo build --workspace --bins --quiet
	cd web && npm run --silent screenshots

wire: tools ## Writes the schemas of the socket's messages anew, and the types that the pages have from them
	cargo build --workspace --bins --quiet
	mkdir -p schemas/wire
	for who in client server; do target/debug/pika schema $$who > schemas/wire/$$who.schema.json || exit; done
	cd web && npm run --silent wire

MINUTES ?= 10
fuzz: export PIKA_FUZZ_SECONDS = $(shell echo $$(( $(MINUTES) * 60 )))
fuzz: ## Hunts each decoder for MINUTES (10), from another place each time; `make test` does it for a second each
	cargo build --workspace --tests --quiet
	cargo test --workspace --quiet --test fuzz -- --nocapture
	cargo test --workspace --quiet --lib --bins hunt -- --nocapture

openapi: ## Asks a running server everything that /openapi.json says, well and badly
	@deploy/tools.sh nats schemathesis
	cargo build --workspace --bins --quiet
	deploy/openapi/run.sh

chaos: ## Breaks a cluster for MINUTES (10): three brokers, a CQL server, two of each role. SEED=n strikes the same again
	@deploy/tools.sh nats cassandra
	cargo build --workspace --bins --quiet
	target/debug/pika-chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: web ## Measures Pika beside Bun, Socket.IO, ws and the least that a server can do; BENCH="--quick --only fanout" passes options
	@deploy/tools.sh nats bench
	cargo build --release --workspace --bins --quiet
	target/release/pika-loadtest bench $(BENCH)

micro: ## What decoding, admitting, encoding and folding one message cost; MICRO="fold" shows some of it
	cargo bench --workspace --bench micro -- $(MICRO)

flame: ## A flame graph of a node under load, with the optimised build: FLAME="--load likes --out likes.svg" passes options
	@deploy/tools.sh nats flame
	cargo build --release --workspace --bins --quiet
	target/release/pika-loadtest flame $(FLAME)

soak: ## Ten thousand sockets for MINUTES (10): does the memory of anything grow?
	@deploy/tools.sh nats
	cargo build --workspace --bins --quiet
	target/debug/pika-loadtest soak --minutes $(MINUTES)

EVENINGS ?= 20000
sim: ## Simulates EVENINGS (20000) that `make test` does not, from another seed each time
	cargo build --workspace --bins --quiet
	target/debug/pika-sim --seeds $(EVENINGS) --from $$(date +%s)00000

drill: export DRILL = 1
drill: ## Breaks a node, the broker and the store in turn: the right alert rings, and what its runbook says ends it
	@deploy/tools.sh nats prometheus
	cargo build --workspace --tests --quiet
	cargo test --workspace --quiet --test operations drill -- --nocapture

small: export BIN = target/release
small: ## An evening of 500 dancers on one process: how much memory it took, and that 512 MB are enough
	@deploy/tools.sh nats
	cargo build --workspace --bins --release --quiet
	@deploy/small.sh

deploy-check: ## What deploy/ ships: settings, manifests, rules and their tests, without a cluster
	@deploy/check.sh

release: web ## The program with checksums and what it is made of, in target/release-files
	@deploy/release.sh

audit: ## Licences, advisories and sources of every dependency
	@deploy/tools.sh deny
	cargo deny check
	cd web && npm audit --omit dev --audit-level moderate

clean: ## Removes what was built
	cargo clean
	rm -rf web/dist web/node_modules
