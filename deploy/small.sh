#!/usr/bin/env bash
# An evening of 500 dancers on a small machine: how much memory Pika and its nats-server ever had, and that it was no more than a
# machine of 512 MB has for them. BIN=target/release measures the program that is shipped; SECONDS_LONG=n plays another evening.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cache/pika/bin"
. deploy/dev.sh

bin=${BIN:-target/debug} long=${SECONDS_LONG:-30} dancers=${DANCERS:-500}
pika_most_mb=256 nats_most_mb=128

start_dev "$bin"
"$bin/pika-loadtest" evening --url "$url" --dancers "$dancers" --seconds "$long" --reconnects 1

# The most that was in RAM at any moment, as Linux remembers it.
most_mb() { awk '/^VmHWM:/ { printf "%d", ($2 + 1023) / 1024 }' "/proc/$1/status"; }
pika_mb=$(most_mb "$pika") nats_mb=$(most_mb "$(cat "$data/nats/nats.pid")")
printf '\n%s dancers: pika %s MB (at most %s), nats-server %s MB (at most %s)\n' "$dancers" "$pika_mb" "$pika_most_mb" "$nats_mb" "$nats_most_mb"
[ "$pika_mb" -le "$pika_most_mb" ] && [ "$nats_mb" -le "$nats_most_mb" ]
