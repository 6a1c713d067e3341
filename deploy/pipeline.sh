# shellcheck shell=bash disable=SC2154
# Sourced by scripts that run an application's pipeline on this machine: starts its processes, watches them, stops them.
#
# The caller sets:
#   broker writer_role projector_role admin   arrays: how the development broker, the writer, a projector and an
#                                             administrative command are called
#   application                               the application's name
#   brokers      an existing Kafka, or nothing for a development broker
#   partitions   how many the store and the topic have
#   kafka        array: --kafka NAME=VALUE …
#   keep         yes leaves everything running in the end
#   postgres     a PostgreSQL's URL, "own" for a temporary server, or nothing for files

# pipeline_begin: makes a folder for data and logs, and has the pipeline stopped however the script ends.
pipeline_begin() {
  existing=$brokers
  data=$(mktemp -d "${TMPDIR:-/tmp}/eventually-demo.XXXXXX")
  topic=$application-${data##*.}
  store=$data/store.sqlite read_models=$data/read-models
  declare -gA pids=()
  dead='' last=''
  trap pipeline_finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [[ ${postgres:-} == own ]]; then start_postgres; fi
  if [[ -n ${postgres:-} ]]; then store=$postgres read_models=$postgres; fi
  files=(--store "$store" --read-models "$read_models")
}

# A server of PostgreSQL in a temporary folder. It ends when its standard input does: with this script.
start_postgres() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  mkfifo "$data/postgres.input"
  deploy/postgres-server "$port" <"$data/postgres.input" >"$data/postgres.log" 2>&1 &
  pids[postgres]=$!
  exec {postgres_input}>"$data/postgres.input"
  wait_until 60 "the PostgreSQL server" grep -q ready "$data/postgres.log"
  postgres=postgres://postgres@127.0.0.1:$port/postgres
}

say() { printf '\n== %s\n' "$*"; }

# Stops what was started, by process id, and waits for it.
stop_all() {
  local name
  for name in "${!pids[@]}"; do kill -TERM "${pids[$name]}" 2>/dev/null || true; done
  for name in "${!pids[@]}"; do wait "${pids[$name]}" 2>/dev/null || true; done
}

pipeline_finish() {
  local code=${1:-$?}
  trap - EXIT INT TERM
  if [[ -n $dead ]]; then
    stop_all
    printf '\nThe demo failed (logs in %s): %s has ended:\n' "$data" "$dead" >&2
    tail -n 3 "$data/$dead.log" >&2 || true
  elif ((code != 0)); then
    printf '\nThe demo failed. Ends of the logs in %s:\n' "$data" >&2
    tail -n 5 "$data"/*.log >&2 || true
    stop_all
  elif [[ $keep == no ]]; then
    stop_all
  fi
  if [[ -n $existing && ($keep == no || $code -ne 0) ]]; then
    "${admin[@]}" topic delete --yes --brokers "$existing" --topic "$topic" "${kafka[@]}" \
      >>"$data/topic.log" 2>&1 || {
      printf 'The topic %s and its consumer groups are left on %s:\n' "$topic" "$existing" >&2
      tail -n 3 "$data/topic.log" >&2
      ((code)) || code=1
    }
  fi
  if ((code == 0)) && [[ $keep == no ]]; then rm -rf "$data"; fi
  exit "$code"
}

# start NAME COMMAND… : in the background, with its output in NAME.log
start() {
  local name=$1
  shift
  "$@" >>"$data/$name.log" 2>&1 &
  pids[$name]=$!
}

# Ends the script, with a process's last error, where one that is to run has died.
check_alive() {
  local name
  for name in "${!pids[@]}"; do
    kill -0 "${pids[$name]}" 2>/dev/null && continue
    [[ $name == feeder ]] && continue
    dead=$name
    exit 1
  done
}

# wait_until SECONDS WHAT COMMAND… : until the command succeeds
wait_until() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    check_alive
    if ((SECONDS >= deadline)); then
      echo "$what: not within the time limit" >&2
      if [[ -n $last ]]; then printf '%s\n' "$last" >&2; fi
      exit 1
    fi
    sleep 0.1
  done
}

# run_watched COMMAND… : to its end, unless a process of the pipeline dies first
run_watched() {
  "$@" &
  pids[feeder]=$!
  wait_for_feeder
}

# wait_for_feeder: what runs under the name feeder, to its end; fails as that does
wait_for_feeder() {
  local pid=${pids[feeder]}
  while kill -0 "$pid" 2>/dev/null; do
    check_alive
    sleep 0.2
  done
  unset 'pids[feeder]'
  wait "$pid"
}

is_ready() { [[ -s $1 ]] && curl -fsS -o /dev/null "$(<"$1")/readyz" 2>/dev/null; }

# Whether the writer has found the topic, or made it. A topic that it can't publish to ends the script.
publishes() {
  [[ -s $1 ]] || return 1
  last=$(curl -sS "$(<"$1")/readyz" 2>/dev/null) || return 1
  if [[ $last == *'"publisher":"blocked"'* ]]; then
    printf 'the writer can not publish: %s\n' "$last" >&2
    exit 1
  fi
  [[ $last == *'"publisher":"publishing"'* ]]
}

# start_writer NAME : and waits until it serves
start_writer() {
  start "$1" "${writer_role[@]}" serve --store "$store" --partitions "$partitions" --brokers "$brokers" \
    --topic "$topic" --read-models "$read_models" --listen 127.0.0.1:0 --address-file "$data/$1.url" "${kafka[@]}"
  wait_until 30 "the process $1" is_ready "$data/$1.url"
}

# start_worker READ-MODEL K : the K-th worker of a read model
start_worker() {
  rm -f "$data/$1-$2.url"
  start "$1-$2" "${projector_role[@]}" run "$1" --read-models "$read_models" --worker "$1-$2" \
    --feed "$writer" --brokers "$brokers" --topic "$topic" --listen 127.0.0.1:0 \
    --address-file "$data/$1-$2.url" "${kafka[@]}"
}

# applied_by WORKER : how many events it has applied since it was started
applied_by() {
  local applied
  applied=$(curl -sS "$(<"$data/$1.url")/readyz" 2>/dev/null | sed -n 's/.*"applied":\([0-9]*\),.*/\1/p') || true
  echo "${applied:-0}"
}

# kill_process NAME : with SIGKILL
kill_process() {
  local pid=${pids[$1]}
  unset "pids[$1]"
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
}

# Ends the script where an existing Kafka can't be used.
check_kafka() {
  [[ -n $existing ]] || return 0
  if ! "${admin[@]}" topic show --brokers "$existing" --topic "$topic" "${kafka[@]}" --timeout 8 \
    >/dev/null 2>"$data/topic.log"; then
    printf 'The Kafka at %s can not be used: %s\n' "$existing" "$(tail -n 1 "$data/topic.log")" >&2
    rm -rf "$data"
    trap - EXIT
    exit 1
  fi
}

# start_pipeline WORKERS READ-MODEL… : broker, writer, so many workers of each read model, a server for queries
start_pipeline() {
  local workers=$1 model k
  shift
  if [[ -z $brokers ]]; then
    start broker "${broker[@]}" --topic "$topic" --partitions "$partitions" --bootstrap-file "$data/brokers"
    wait_until 30 "the development broker" test -s "$data/brokers"
    brokers=$(<"$data/brokers")
    # The mock cluster takes a session timeout for every rebalance.
    kafka+=(--kafka session.timeout.ms=4000)
  fi
  if [[ -n ${postgres:-} ]]; then
    # Two writers at one store: the first of them publishes.
    start_writer publisher
    wait_until 30 "publishing to $brokers" publishes "$data/publisher.url"
  fi
  start_writer writer
  writer=$(<"$data/writer.url")
  if [[ -z ${postgres:-} ]]; then wait_until 12 "publishing to $brokers" publishes "$data/writer.url"; fi
  last=''
  for model in "$@"; do
    for ((k = 1; k <= workers; k++)); do start_worker "$model" "$k"; done
  done
  start queries "${projector_role[@]}" serve --read-models "$read_models" --listen 127.0.0.1:0 \
    --address-file "$data/queries.url"
  for model in "$@"; do
    for ((k = 1; k <= workers; k++)); do
      wait_until 120 "projector $model-$k" is_ready "$data/$model-$k.url"
    done
  done
  wait_until 60 "the query server" is_ready "$data/queries.url"
  queries=$(<"$data/queries.url")
  echo "brokers $brokers, topic $topic, writer $writer, queries $queries"
}

# wait_for_read_models: until they have applied all of the store's events
wait_for_read_models() { run_watched "${admin[@]}" wait "${files[@]}" --timeout 180 --since 1; }

# show_memory: the peak of the writer and each worker
show_memory() {
  local name
  for name in writer $(printf '%s\n' "${!pids[@]}" | grep -E -- '-[0-9]+$' | sort); do
    printf '%-14s %s MB\n' "$name" \
      "$(awk '/VmHWM/ { printf "%.0f", $2 / 1000 }' "/proc/${pids[$name]}/status")"
  done
}
