#!/usr/bin/env bash
# A PostgreSQL server for tests, in a temporary folder, that lives as long as its standard input is open.
#
#   postgres-server.sh PORT     prints "ready" once it takes connections, as the user postgres without a password
#
# A line on its standard input makes it do something: "kill", "start", "stop".
set -euo pipefail
port=$1
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[[ -n $bin ]] || { echo "PostgreSQL is not installed: deploy/packages --test installs it" >&2; exit 1; }
folder=$(mktemp -d)
as=()
# initdb refuses to be run by root.
if ((EUID == 0)); then
  chown postgres "$folder"
  as=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
pid=''
start() {
  (cd "$folder" && exec "${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 \
    -c fsync=off -c max_connections=300 -c shared_buffers=32MB -c logging_collector=off) >>"$folder.log" 2>&1 &
  pid=$!
  for _ in {1..600}; do
    if "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; then echo ready; return; fi
    kill -0 "$pid" 2>/dev/null || break
    read -rt 0.1 <> <(:) || true
  done
  cat "$folder.log" >&2
  exit 1
}
end() {
  if [[ -n $pid ]]; then
    kill "-$1" "$pid" 2>/dev/null || true
    wait "$pid" || true
  fi
  pid=''
}
trap 'end INT; rm -rf "$folder" "$folder.log"' EXIT
(cd "$folder" && "${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres --auth=trust -N -E UTF8 --locale=C) >"$folder.log" 2>&1 \
  || { cat "$folder.log" >&2; exit 1; }
start
while read -r command; do
  case $command in
    kill) end QUIT; echo done ;;
    stop) end INT; echo done ;;
    start) start ;;
  esac
done
