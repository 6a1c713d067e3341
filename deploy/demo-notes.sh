# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Sourced by deploy/demo: what it does with Examples/Notes, one executable with all roles.

models=(tags)
partitions=4

build_application() {
  local executable
  executable=$(deploy/example notes -c "$configuration")
  broker=("$executable" broker) writer_role=("$executable" writer)
  projector_role=("$executable" projector) admin=("$executable")
}

# note_requests FIRST LAST : requests for curl, each a note and up to five tags as one append
note_requests() {
  local number count json
  RANDOM=$1
  for ((number = $1; number <= $2; number++)); do
    json="{\"write\":{\"text\":\"note $number\"}}"
    for ((count = RANDOM % 5; count >= 0; count--)); do
      json+=",{\"tag\":{\"tag\":\"tag-$((RANDOM % (1 + RANDOM % 20)))\"}}"
    done
    json="{\"commands\":[$json]}"
    ((number == $1)) || echo next
    printf '%s\n' "url = \"$writer/notes/n$number/commands\"" 'header = "Content-Type: application/json"' \
      "data = \"${json//\"/\\\"}\"" fail-with-body
  done
}

# write_notes FIRST LAST : one after the other, ten on each connection
write_notes() {
  local number last
  for ((number = $1; number <= $2; number += 10)); do
    last=$((number + 9 < $2 ? number + 9 : $2))
    note_requests "$number" "$last" | curl -sS --fail-early --config - >>"$data/feed.out" || return 1
  done
}

# feed_notes FIRST LAST
feed_notes() {
  write_notes "$1" "$2" &
  pids[feeder]=$!
}

notes_are_fed() {
  if ! wait_for_feeder; then
    tail -n 3 "$data/feed.out"
    echo "the notes could not be written" >&2
    exit 1
  fi
}

# How many events the store has.
head_of_store() { curl -fsS "$writer/readyz" | sed -n 's/.*"head":\([0-9]*\).*/\1/p'; }

# Writes notes; saves a savepoint at half of them, and kills a projector during the other half.
feed() {
  local half=$(((notes + 1) / 2)) before victim=tags-1
  say "Writing and tagging $half notes"
  feed_notes 1 "$half"
  notes_are_fed
  echo "the last answer: $(tail -n 1 "$data/feed.out")"
  wait_for_read_models
  half_head=$(head_of_store)

  say "Saving a savepoint"
  "${admin[@]}" savepoint save tags half --read-models "$read_models"

  say "Writing and tagging $((notes - half)) notes more"
  before=$(applied_by "$victim")
  feed_notes $((half + 1)) "$notes"
  if [[ $kill_one == yes ]]; then
    # Midway: when the victim has applied an event of these.
    is_midway() { (($(applied_by "$victim") > before)) || ! kill -0 "${pids[feeder]}" 2>/dev/null; }
    wait_until 60 "the first of these events in the read model" is_midway
    kill_process "$victim"
    echo "killed the projector $victim with SIGKILL when the store had $(head_of_store) events"
  fi
  notes_are_fed
  echo "the store has $(head_of_store) events"
  if [[ $kill_one == yes ]]; then
    say "Waiting for the projectors that are left: they take the partitions of $victim over"
    wait_for_read_models
    "${admin[@]}" status "${files[@]}"
    echo "starting $victim again"
    start_worker tags 1
    wait_until 60 "projector $victim" is_ready "$data/$victim.url"
  fi
}

# query PATH : shows a query and its answer
query() { printf 'GET %s\n  %s\n' "$1" "$(curl -fsS "$queries$1")"; }

show_more() {
  say "Queries"
  query "/tags?limit=3"
  query "/tags/tag-0"

  say "The same as of sequence number $half_head, and a note as of sequence number 2"
  "${admin[@]}" as-of tags --sequence "$half_head" "${files[@]}" -- "/tags?limit=3"
  "${admin[@]}" as-of note n1 --sequence 2 "${files[@]}"

  say "Where it stands"
  "${admin[@]}" status "${files[@]}"
  "${admin[@]}" parked list tags --read-models "$read_models"

  say "Replaying the read model from zero beside the live one, comparing, and switching"
  "${admin[@]}" replay tags --from zero "${files[@]}"

  say "Replaying it from the savepoint"
  "${admin[@]}" savepoint list tags --read-models "$read_models"
  "${admin[@]}" replay tags --from half "${files[@]}"
  "${admin[@]}" generations list tags --read-models "$read_models"

  say "Verifying the read model that the replay made live"
  "${admin[@]}" verify tags "${files[@]}" --caught-up
}

describe_queries() {
  cat <<TEXT
  write a note     curl -X POST $writer/notes/mine/write --json '{"text":"hello"}'
                   curl -X POST $writer/notes/mine/tag --json '{"tag":"greeting"}'
                   curl $writer/notes/mine
  query            curl $queries/tags?limit=5
                   curl $queries/tags/greeting
TEXT
}
