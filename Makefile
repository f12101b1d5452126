# Pika's commands. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CACHE := $(HOME)/.cache/pika
export PATH := $(PATH):$(CACHE)/bin

.PHONY: help tools web screenshots run test check lint fmt fuzz sim chaos bench deploy-check release audit test-rust test-web test-browser clean

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
	cargo test --workspace --quiet --lib --bins --test sqlite

lint: ## Format and lints, warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

fmt: ## Formats the code
	cargo fmt --all

screenshots: web ## Photographs every page of one evening: all into web/dist-pictures, those of the README into docs/pictures
	@deploy/tools.sh nats chromium
	cargo build --workspace --bins --quiet
	cd web && npm run --silent screenshots

MINUTES ?= 10
fuzz: export PIKA_FUZZ_SECONDS = $(shell echo $$(( $(MINUTES) * 60 )))
fuzz: ## Hunts each decoder for MINUTES (10), from another place each time; `make test` does it for a second each
	cargo build --workspace --tests --quiet
	cargo test --workspace --quiet --test fuzz -- --nocapture
	cargo test --workspace --quiet --lib --bins hunt -- --nocapture

chaos: ## Breaks a cluster for MINUTES (10): three brokers, a CQL server, two of each role. SEED=n strikes the same again
	@deploy/tools.sh nats cassandra
	cargo build --workspace --bins --quiet
	target/debug/pika-chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: web ## Measures Pika beside Bun, Socket.IO, ws and the least that a server can do; BENCH="--quick --only fanout" passes options
	@deploy/tools.sh nats bench
	cargo build --release --workspace --bins --quiet
	target/release/pika-loadtest bench $(BENCH)

EVENINGS ?= 20000
sim: ## Simulates EVENINGS (20000) that `make test` does not, from another seed each time
	cargo build --workspace --bins --quiet
	target/debug/pika-sim --seeds $(EVENINGS) --from $$(date +%s)00000

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
