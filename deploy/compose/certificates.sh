#!/usr/bin/env bash
# What a first start needs: a certificate that nobody vouches for, the cluster's key, a password for Grafana. What is there stays. For a
# certificate that browsers believe: certbot certonly --webroot -w acme -d NAME, then copy fullchain.pem and privkey.pem into ../nginx/tls/, run this
# again, which sets their owners, and `docker compose exec nginx nginx -c /etc/pika/nginx.conf -s reload`.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
tls=../nginx/tls
mkdir -p "$tls" acme secrets
[ -s "$tls/privkey.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=${1:-localhost}" \
  -addext "subjectAltName=DNS:${1:-localhost}" -keyout "$tls/privkey.pem" -out "$tls/fullchain.pem" 2>/dev/null
[ -s secrets/cluster ] || openssl rand -hex 32 >secrets/cluster
[ -s secrets/grafana ] || openssl rand -base64 18 >secrets/grafana
# Whoever reads them in the containers, and nobody else. Only root can give files away.
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$tls" acme secrets
  chown 101:101 "$tls"/*.pem
  chown 65532:65532 secrets/cluster
  chown 472:0 secrets/grafana
  chmod 400 "$tls"/privkey.pem secrets/*
  chmod 444 "$tls"/fullchain.pem
else
  echo "run this as root: the keys belong to the users in the containers (nginx 101, pika 65532, grafana 472)" >&2
  exit 1
fi
