#!/usr/bin/env bash
# What a release consists of, in target/release-files: the program in a tar file with the units and rules that go with it, what it is made of (CycloneDX),
# and the sums of all files.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name="pika-$version-$(uname -m)-linux"
out=target/release-files
rm -rf "$out"
mkdir -p "$out/$name"

cargo build --release --locked --bin pika
cp target/release/pika "$out/$name/"
size=$(stat -c %s target/release/pika)
[ "$size" -lt 40000000 ] || { echo "the program has $size bytes; 40 MB are promised (docs/decisions/0009-one-build-profile.md)" >&2; exit 1; }
strip "$out/$name/pika"
cp -r LICENSE README.md docs "$out/$name/"
mkdir "$out/$name/deploy"
cp -r deploy/{nginx,systemd,prometheus,grafana,compose,tunnel,k8s} "$out/$name/deploy/"
rm -f "$out/$name"/deploy/nginx/tls/*.pem
rm -rf "$out/$name"/deploy/compose/{secrets,acme,.env,pika.env} "$out/$name"/deploy/tunnel/{.env,pika.env}
# The same files give the same archive, whoever packs them and when.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" -czf "$out/$name.tar.gz" -C "$out" "$name"
rm -rf "${out:?}/$name"

deploy/sbom.sh "$out/$name"
(cd "$out" && sha256sum -- *.tar.gz *.json >"$name.sha256")
cat "$out/$name.sha256"
