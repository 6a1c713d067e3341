# shellcheck shell=bash disable=SC2034,SC2154,SC2317
# Sourced by deploy/demo: what it does with the sample, a shop's orders.

models=(orders sales customers)
partitions=12

# One executable, which is the others as well.
build_application() {
  local executable
  SWIFT_DETERMINISTIC_HASHING=1 swift build -c "$configuration" --product ordersctl
  executable=$(SWIFT_DETERMINISTIC_HASHING=1 swift build -c "$configuration" --show-bin-path)/ordersctl
  broker=("$executable" broker) writer_role=("$executable" writer)
  projector_role=("$executable" projector) admin=("$executable")
}

# Imports or generates orders, and kills a projector of sales midway.
feed() {
  if [[ -n $input ]]; then
    say "Importing $input"
    "${writer_role[@]}" import "$input" --url "$writer" --rejected "$data/rejected-rows.csv" \
      >"$data/feed.out" &
  else
    say "Placing $orders generated orders"
    "${writer_role[@]}" simulate --orders "$orders" --seed 7 --url "$writer" >"$data/feed.out" &
  fi
  pids[feeder]=$!

  if [[ $kill_one == yes ]]; then
    # Midway: when the victim has applied something, or when so few orders came that none was its own.
    local victim=sales-1
    is_midway() { [[ -s $data/feed.out ]] || (($(applied_by "$victim") > 0)); }
    wait_until 60 "the first events in the sales read model" is_midway
    kill_process "$victim"
    echo "killed the projector $victim with SIGKILL; starting it again"
    start_worker sales 1
    if [[ -n $postgres ]]; then
      kill_process publisher
      echo "killed the writer that publishes with SIGKILL; the other one takes over"
    fi
  fi
  if ! wait_for_feeder; then
    cat "$data/feed.out"
    echo "the orders could not be fed" >&2
    exit 1
  fi
  cat "$data/feed.out"
  if [[ -s $data/rejected-rows.csv ]]; then
    echo "the first rejected rows:"
    head -n 6 "$data/rejected-rows.csv"
  fi
}

show_more() {
  say "Replaying the sales read model from zero beside the live one, comparing, and switching"
  "${admin[@]}" replay sales --from zero "${files[@]}"
  "${admin[@]}" generations list sales --read-models "$read_models"
  "${admin[@]}" verify sales "${files[@]}" --caught-up
}

describe_queries() {
  cat <<TEXT
  place an order   curl -X POST $writer/orders/my-1/create --json '{"country":"France","customer":"me"}'
                   curl -X POST $writer/orders/my-1/add-item \\
                     --json '{"sku":"A1","description":"TEAPOT","quantity":2,"unitPrice":"12.50"}'
                   curl -X POST $writer/orders/my-1/complete
  query            curl $queries/orders/my-1
                   curl $queries/sales/products?limit=5
                   curl $queries/customers/me
TEXT
}
