# Runs `pika dev` for a script that sources this: with data that goes when the script ends, and on a free port. Sets `data`, `pika`, which
# is its process, and `url`, once it is ready; what it logs is in "$data/log".
start_dev() {
  data=$(mktemp -d)
  export PIKA_DATA="$data" PIKA_LISTEN=127.0.0.1:0 PIKA_LOG=warn
  touch "$data/said"
  "$1/pika" dev >"$data/said" 2>"$data/log" &
  pika=$!
  trap 'kill "$pika" 2>/dev/null; wait "$pika" 2>/dev/null; rm -rf "$data"' EXIT
  for _ in $(seq 150); do
    url=$(sed -n 's/^ *page *\(http.*\)\/$/\1/p' "$data/said")
    [ -n "$url" ] && curl -fsS -o "$data/ready" "$url/readyz" 2>/dev/null && break
    kill -0 "$pika" || { cat "$data/log" >&2; exit 1; }
    sleep 0.2
  done
}
