/// What an event costs that belongs to a large order.
extension Runner {
  func orderEvents() throws {
    let section = "Cost of event n of one order"
    for (work, name) in [
      ("append", "append through the repository, a snapshot every 100"),
      ("apply", "apply to sales, one event a transaction"),
    ] {
      var first: [Double] = []
      for n in isQuick ? [10, 1_000] : [10, 100, 1_000, 10_000] {
        progress("\(section): \(name), n = \(n)")
        let samples = try (0..<repetitions).map { _ in
          try swift(["order-event", work, fresh("order.db"), "\(n)"])
        }
        let times = samples.map { 1e6 / $0.rate }
        guard let figures = Figures(times) else { throw BenchError("no runs") }
        var row = Row(
          section: section, name: "\(name), n = \(n)", unit: .microseconds, subject: figures)
        if first.isEmpty {
          first = times
        } else {
          row.referenceName = "n = 10"
          row.reference = Figures(first)
          row.ratio = Figures(zip(times, first).map { $1 / $0 })
        }
        row.quantiles = Self.quantiles(samples)
        row.peak = samples.map(\.peak).max()
        add(row)
      }
    }
  }
}
