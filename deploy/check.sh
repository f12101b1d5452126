#!/usr/bin/env bash
# What deploy/ ships, checked without a cluster and without a container: settings parse, manifests fit their schemas and Pika's needs, rules ring where
# they should. What needs a running Pika is in pika/tests/operations.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cache/pika/bin"
deploy/tools.sh prometheus nginx kustomize check

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
said() { printf 'check: %s\n' "$*" >&2; }
# Runs a checker that talks even when all is well; what it says is shown when it is not.
quiet() { "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; said "$1 $2 found something"; exit 1; }; }

# nginx with the real settings; only names that exist nowhere but in a network of containers become this machine's.
front() {
  local dir=$work/$1 settings=$2 upstreams=$3
  mkdir -p "$dir/tls"
  cp deploy/nginx/*.conf "$dir/"
  cp "deploy/nginx/$settings" "$dir/pika.conf"
  sed -E 's/server [a-z0-9-]+:/server 127.0.0.1:/g' "$upstreams" >"$dir/upstreams.conf"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost -keyout "$dir/tls/privkey.pem" -out "$dir/tls/fullchain.pem" 2>/dev/null
  sed -i "s|/tmp/|$dir/|" "$dir/nginx.conf"
  quiet nginx -t -q -c "$dir/nginx.conf"
}
front tls pika.conf deploy/nginx/upstreams.conf
front roles pika.conf deploy/compose/roles/upstreams.conf
front behind behind.conf deploy/k8s/base/upstreams.conf

quiet promtool check config deploy/prometheus/prometheus.yml
quiet promtool check rules deploy/prometheus/rules/*.yml
# Side by side: they take as long as the longest.
for tests in deploy/prometheus/tests/*.yml; do
  promtool test rules "$tests" >"$work/$(basename "$tests").said" 2>&1 &
  echo "$! $tests" >>"$work/running"
done

kustomize build deploy/k8s/production >"$work/manifests.yaml"
node deploy/check/check.mjs "$work/manifests.yaml"

# What a release says that it is made of: every crate of others with its licence and its sum.
deploy/sbom.sh "$work/made-of"
node -e '
  const { components } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  const others = components.filter((c) => c.name === "async-nats" || c.hashes);
  const poor = others.filter((c) => !c.hashes || !c.licenses).map((c) => c.name);
  if (others.length < 200 || poor.length > 0) throw new Error(`${others.length} crates; without sum or licence: ${poor}`);
' "$work/made-of.crates.cdx.json"

if command -v systemd-analyze >/dev/null; then
  # The programs that a unit names are not on this machine, and that alone is no fault.
  systemd-analyze verify deploy/systemd/*.service deploy/systemd/*.timer 2>&1 | grep -v 'is not executable' >"$work/units" || true
  [ ! -s "$work/units" ] || { cat "$work/units" >&2; exit 1; }
fi
for script in deploy/*.sh deploy/*/*.sh; do bash -n "$script"; done

while read -r pid tests; do
  wait "$pid" || { cat "$work/$(basename "$tests").said" >&2; exit 1; }
done <"$work/running"
