#!/usr/bin/env bash
# Asks a running server everything that its /openapi.json says can be asked, well and badly, and holds the answers against it.
# At most three minutes; SEED=n asks something else. Needs target/debug/pika and `deploy/tools.sh nats schemathesis`.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PATH:$HOME/.cache/pika/bin"
. deploy/dev.sh

export PIKA_PASSWORD_PASSES=2 PIKA_SIGN_IN_LIMITS=0 PIKA_BUDGETS=0
export ROOT_EMAIL=root@example.org ROOT_PASSWORD="blue suede shoes 7"
start_dev target/debug
ask() { curl -fsS -o "$data/answer" -H "X-Pika-Client: pika-e2e" -H "Content-Type: application/json" "$@"; }
of() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$data/answer"; }

# Something to ask about: an admin who is a DJ with a page, somebody else, an evening that is on and one that is over.
ask "$url/api/auth/register" -d '{"email": "other@example.org", "password": "a quiet corner 11", "displayName": "DJ Other"}'
other=$(of id)
ask "$url/api/auth/register" -d "{\"email\": \"$ROOT_EMAIL\", \"password\": \"$ROOT_PASSWORD\", \"displayName\": \"DJ Root\"}"
root=$(of id) token=$(of token)
target/debug/pika admin grant "$ROOT_EMAIL" admin >"$data/granted"
ask "$url/api/auth/token" -d "{\"email\": \"$ROOT_EMAIL\", \"password\": \"$ROOT_PASSWORD\"}"
ask -X PATCH "$url/api/auth/profile" -H "Authorization: Bearer $(of accessToken)" -d '{"bio": "Plays slow ones"}'
as_dj() { ask -H "Authorization: Bearer $token" "$@"; }
track() { printf '[{"type": "BROADCAST_TRACK", "messageId": "%s", "track": {"title": "%s", "artist": "Etta James"}}]' "$1" "$2"; }
as_dj "$url/api/sessions" -d '{"sessionId": "thursday-night"}'
as_dj "$url/api/sessions/thursday-night/messages" -d "$(track first "At Last")"
as_dj "$url/api/sessions/thursday-night/messages" -d '[{"type": "END_SESSION", "messageId": "over"}]'
as_dj "$url/api/sessions" -d '{"sessionId": "friday-night"}'
code=$(of joinCode)
as_dj "$url/api/sessions/friday-night/messages" -d "$(track second "Sunday Kind of Love")"
ask -G "$url/api/sessions/recent"
for _ in $(seq 50); do
  grep -q thursday-night "$data/answer" && break
  sleep 0.2
  ask -G "$url/api/sessions/recent"
done

# Half of the time it asks about these.
{
  cat deploy/openapi/schemathesis.toml
  for dictionary in "id:thursday-night friday-night $root $other" "code:$code" "slug:dj-root" "file:docs.js docs.css $code.svg"; do
    printf '\n[dictionaries.%s]\nvalues = [' "${dictionary%%:*}"
    printf '"%s", ' ${dictionary#*:}
    printf ']\n'
  done
  printf '\n[parameters]\n'
  printf '"path.%s" = { dictionary = "%s", probability = 0.5 }\n' id id code code slug slug file file
} >"$data/schemathesis.toml"

export SERVER="$url" PYTHONPATH="$PWD/deploy/openapi" PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=auth
# It keeps what it found in the folder where it is run.
(cd "$data" && timeout 180 "$HOME/.cache/pika/bin/schemathesis" --config-file schemathesis.toml run "$url/openapi.json" --checks all ${SEED:+--seed "$SEED"})
# Whatever was asked, nothing of it may have been more than a refusal here.
# Pages' own reports quote whatever the checker said.
if grep -v "a page broke" "$data/log" | grep -iE "panic|internal error|ERROR"; then
  echo "the server had trouble of its own" >&2
  exit 1
fi
# Nor may its log tell what anybody holds: by how a secret of each kind begins, and long enough to be one.
if grep -nE 'pk_(ses|ref|ver|res|tic|dev|log|own)_[A-Za-z0-9_-]{20}|pk_dj_[0-9a-f]{8}-[0-9a-f]{4}-|eyJ[A-Za-z0-9_-]{10,}\.|\$argon2id\$' "$data/log"; then
  echo "the server's log tells a secret" >&2
  exit 1
fi
