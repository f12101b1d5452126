#!/usr/bin/env bash
# Finds or installs, once and pinned, what Pika needs beside Rust. Usage: deploy/tools.sh nats node chromium cassandra smtp oidc schemathesis prometheus nginx kustomize check s3 deny bench flame
set -euo pipefail
cd "$(dirname "$0")/.."

NATS_VERSION=v2.15.2
DENY_VERSION=0.18.5
SCHEMATHESIS_VERSION=4.32.5
KUSTOMIZE_VERSION=v5.6.0
VERSITYGW_VERSION=v1.8.0
INFERNO_VERSION=0.12.8
bin="$HOME/.cache/pika/bin"
mkdir -p "$bin"
export PATH="$PATH:$bin"

say() { printf 'tools: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Debian's nats-server is 2.9; schedules and atomic batches need 2.12.
nats_is_new_enough() {
  local version
  version=$(nats-server --version 2>/dev/null | sed -n 's/.*v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p') || return 1
  [ -n "$version" ] && { set -- $version; [ "$1" -gt 2 ] || { [ "$1" -eq 2 ] && [ "$2" -ge 12 ]; }; }
}

nats() {
  nats_is_new_enough && return
  [ -x "$bin/nats-server" ] && PATH="$bin:$PATH" nats_is_new_enough && return
  command -v go >/dev/null || die "nats-server 2.12 or newer is needed: put it on PATH, or install Go and run this again"
  say "building nats-server $NATS_VERSION (once, about two minutes) ..."
  (cd / && GOBIN="$bin" go install "github.com/nats-io/nats-server/v2@$NATS_VERSION")
}

# The CQL server of the tests. Cassandra 5 runs on Java 17.
cassandra() {
  if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "Java 17 and Maven are needed for the tests of the CQL store: put 'java' and 'mvn' on PATH"
    say "installing Java and Maven ..."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless maven >/dev/null
  fi
  deploy/cassandra.sh fetch
}

# npm packages that a folder of ours lists, unless they are there.
packages() {
  command -v npm >/dev/null || die "Node.js 20 or newer with npm is needed for $2"
  [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
  say "installing $2 ..."
  (cd "$1" && npm ci --no-audit --no-fund --silent)
}

node() { packages web "the pages"; }
smtp() { packages deploy/smtp "the mail server of the tests"; }
oidc() { packages deploy/oidc "the providers of the tests, which people sign in with"; }
# It reads settings and manifests and holds them against their schemas.
check() { packages deploy/check "what checks deploy/"; }

# What holds /openapi.json against a running server.
schemathesis() {
  local venv="$HOME/.cache/pika/schemathesis-$SCHEMATHESIS_VERSION"
  [ "$(readlink "$bin/schemathesis")" = "$venv/bin/schemathesis" ] && [ -x "$bin/schemathesis" ] && return
  # Debian has the venv in a package of its own.
  if ! python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "Python 3.10 or newer with venv is needed for schemathesis: put 'python3' on PATH"
    say "installing Python ..."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
  fi
  say "installing schemathesis $SCHEMATHESIS_VERSION ..."
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS_VERSION"
  ln -sfn "$venv/bin/schemathesis" "$bin/schemathesis"
}

# The browser of the tests.
chromium() { debian chromium chromium; }
# What watches, and what stands in front: the tests run both with the shipped settings. Neither is started as a service here.
prometheus() { debian prometheus prometheus promtool; }
nginx() { debian nginx-light nginx; }

# A package of Debian, unless its programs are there. Functions of this script have the names of some, so only files count.
debian() {
  local package=$1 program missing=
  shift
  for program in "$@"; do type -P "$program" >/dev/null || missing=$program; done
  [ -z "$missing" ] && return
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "$missing is needed and not here: put it on PATH"
  say "installing $package ..."
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
}

# What renders deploy/k8s.
kustomize() {
  type -P kustomize >/dev/null && return
  command -v go >/dev/null || die "kustomize 5 is needed to check the manifests: put it on PATH, or install Go and run this again"
  say "building kustomize $KUSTOMIZE_VERSION (once) ..."
  (cd / && GOBIN="$bin" go install "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE_VERSION")
}

# What speaks S3 in the tests of backups, over a folder.
s3() {
  type -P versitygw >/dev/null && return
  command -v go >/dev/null || die "versitygw is needed for the tests of backups in S3: put it on PATH, or install Go and run this again"
  say "building versitygw $VERSITYGW_VERSION (once, about a minute) ..."
  (cd / && GOBIN="$bin" go install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW_VERSION")
}

deny() {
  command -v cargo-deny >/dev/null && return
  say "building cargo-deny $DENY_VERSION (once) ..."
  cargo install --quiet --locked --root "$HOME/.cache/pika" cargo-deny@$DENY_VERSION
}

# The servers that Pika is measured beside, in the versions of their lock file.
bench() {
  command -v taskset >/dev/null || die "taskset (util-linux) is needed to give each process its core"
  packages loadtest/peers "the servers that are measured beside Pika"
}

# What looks where a process spends its time, and what draws it. Inferno's licence lets it be used beside Pika and not be built into it.
flame() {
  command -v perf >/dev/null || debian linux-perf perf
  inferno-flamegraph --version 2>/dev/null | grep -qF "$INFERNO_VERSION" && return
  say "building inferno $INFERNO_VERSION (once) ..."
  cargo install --quiet --locked --root "$HOME/.cache/pika" "inferno@$INFERNO_VERSION"
}

for tool in "$@"; do
  case $tool in nats | node | chromium | cassandra | smtp | oidc | schemathesis | prometheus | nginx | kustomize | check | s3 | deny | bench | flame) "$tool" ;; *) die "unknown tool $tool" ;; esac
done
