/// Appending to the store, and reading it.
extension Runner {
  func append() throws {
    let section = "Append (synchronous=FULL, streams at random among 10,000)"
    let sizes =
      isQuick
      ? [(1, 500), (100, 20_000)] : [(1, 3_000), (10, 20_000), (100, 100_000), (1_000, 200_000)]
    for (batch, events) in sizes {
      let work = ["\(batch)", "\(events)", "10000"]
      try compare(
        section, batch == 1 ? "one event at a time" : "batches of \(batch)",
        goal: batch >= 100 ? .ratio(0.85) : nil,
        with: Reference { _ in try self.c(["append", self.fresh("c.db")] + work) }
      ) { _ in try swift(["append", fresh("append.db")] + work) }
    }
  }

  func groupCommit() throws {
    let section = "Group commit (one event a call, synchronous=FULL)"
    let loads =
      isQuick ? [(64, 10_000)] : [(1, 3_000), (8, 10_000), (64, 40_000), (512, 80_000)]
    let goal = Goal(text: "ratio ≥ 4, p99 ≤ 4 × p50") { row in
      guard let ratio = row.ratio, let quantiles = row.quantiles else { return false }
      return ratio.median >= 4 && quantiles[1] <= 4 * quantiles[0]
    }
    for (callers, events) in loads {
      try compare(
        section, "\(callers) concurrent caller\(callers == 1 ? "" : "s")",
        goal: callers == 64 ? goal : nil,
        with: Reference(name: "C, one commit an event") { _ in
          try self.c(["append", self.fresh("c.db"), "1", "3000", "10000"])
        }
      ) { _ in try swift(["callers", fresh("callers.db"), "\(callers)", "\(events)", "10000"]) }
    }
    for (callers, events) in isQuick ? [(64, 10_000)] : [(1, 3_000), (64, 40_000)] {
      let work = ["\(callers)", "\(events)", "10000"]
      try compare(
        section,
        "\(callers) concurrent caller\(callers == 1 ? "" : "s"), each append with an idempotency key",
        with: Reference(name: "without keys") { _ in
          try self.swift(["callers", self.fresh("callers.db")] + work)
        }
      ) { _ in try swift(["callers", fresh("keys.db")] + work + ["--keys"]) }
    }
  }

  func codec() throws {
    let section = "Codec (150 bytes of JSON)"
    for direction in ["encode", "decode"] {
      try compare(
        section, "\(direction) one event, by JSONWriter and JSONReader",
        with: Reference(name: "Foundation's coders") { _ in
          try self.swift(["codec", direction, "foundation", "100000"])
        }
      ) { _ in try swift(["codec", direction, "orders", "1000000"]) }
    }
  }

  /// - Parameter store: one with a million events or so.
  func read(_ store: String) throws {
    let section = "Read"
    try compare(
      section, "the whole store in order, decoded", goal: .rate(300_000),
      with: Reference(name: "C, not decoded") { _ in try self.c(["scan", store]) }
    ) { _ in try swift(["scan", store]) }
    let streams = fresh("streams.db")
    for (length, rounds) in [(10, 2_000), (1_000, 100), (100_000, 2)]
    where !isQuick || length == 1_000 {
      let batch = min(length, 1_000)
      let name = "order-00000000"
      for _ in 0..<(length / batch) {
        _ = try swift(["append", streams, "\(batch)", "\(batch)", "1"])
      }
      let reference = Reference(name: "C, not decoded") { _ in
        try self.c(["stream", streams, name, "\(rounds)"])
      }
      try compare(section, "a stream of \(length) events", with: reference) { _ in
        try swift(["stream", streams, name, "\(rounds)"])
      }
      try compare(
        section, "an aggregate of \(length) events from the repository", with: reference
      ) { _ in try swift(["load", streams, name, "\(rounds)"]) }
      if length == (isQuick ? 1_000 : 100_000) { try snapshots(section, streams, name, length) }
      _ = fresh("streams.db")
    }
  }

  /// A long stream behind a snapshot, beside a short one without.
  private func snapshots(_ section: String, _ streams: String, _ name: String, _ length: Int) throws
  {
    let short = fresh("short.db")
    _ = try swift(["append", short, "100", "100", "1"])
    let goal = Goal(text: "ratio ≥ 0.5") { $0.ratio.map { $0.median >= 0.5 } ?? false }
    try compare(
      section, "loads of an aggregate of \(length) events, a snapshot every 100", goal: goal,
      with: Reference(name: "an aggregate of 100 events, without") { _ in
        try self.swift(["load", short, name, "2000", "--counting-loads"])
      }
    ) { _ in try swift(["load-snapshot", streams, name, "2000"]) }
  }

  /// Ten million events: does it get slower, and does memory grow?
  func large() throws {
    let section = "Large store"
    let store = fresh("large.db")
    let work = ["100", "100000", "1000000"]
    let build = { (events: Int) in try self.swift(["build", store, "\(events)", "12"]) }
    _ = try build(100_000)
    var small: [Sample] = []
    for _ in 0..<repetitions { small.append(try swift(["append", store] + work)) }
    try add(section, "append in batches of 100 at 10⁵ events and more", small)
    let built = try build(10_000_000 - 100_000 * (repetitions + 1))
    try add(section, "filling it to 10⁷, orders of 20 events, 128 callers", [built])
    var large: [Sample] = []
    for _ in 0..<repetitions { large.append(try swift(["append", store] + work)) }
    try add(
      section, "append in batches of 100 at 10⁷ events", large, with: small, named: "at 10⁵",
      goal: .ratio(0.8))
    try compare(
      section, "reading all of it in order, decoded", goal: .rate(300_000),
      with: Reference(name: "C, not decoded") { _ in try self.c(["scan", store]) }, repetitions: 1
    ) { _ in try swift(["scan", store]) }
    _ = fresh("large.db")
  }
}
