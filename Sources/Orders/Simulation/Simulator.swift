import EventuallyServer
import EventuallyCommand
import Eventually

/// Places generated orders, at a rate or as fast as they are taken.
struct Simulator: Sendable {
  let generator: OrderGenerator
  let sink: any OrderSink
  let orders: Int
  /// Orders a second; 0 for as fast as they are taken.
  let rate: Double

  /// What a simulation did.
  struct Summary: Sendable {
    var placed = 0
    var found = 0
    var eventsAppended = 0
    var total: Money = .zero
  }

  /// Places all orders.
  func run() async throws -> Summary {
    var summary = Summary()
    var progress = ProgressLine()
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: (Int, Placement).self) { group in
      var running = 0
      for number in 1...orders {
        try Task.checkCancellation()
        if rate > 0 {
          try await Task.sleep(until: start + .seconds(Double(number - 1) / rate))
        }
        if running >= sink.concurrency, let outcome = try await group.next() {
          running -= 1
          try account(outcome, &summary)
          show(&progress, summary)
        }
        running += 1
        group.addTask {
          (number, try await sink.place(generator.id(number), generator.events(number)))
        }
      }
      while let outcome = try await group.next() {
        try account(outcome, &summary)
        show(&progress, summary)
      }
    }
    progress.finish()
    return summary
  }

  private func account(_ outcome: (Int, Placement), _ summary: inout Summary) throws {
    let (number, placement) = outcome
    let events = generator.events(number)
    switch placement {
    case .placed:
      summary.placed += 1
      summary.eventsAppended += events.count
    case .wasThere:
      summary.found += 1
    case .refused(let reason):
      throw Failure("the order '\(generator.id(number))' was refused: \(reason)")
    case .differs:
      throw Failure(
        "there is another order '\(generator.id(number))' already: choose another --seed")
    }
    guard events.last == .completed else { return }
    for case .itemAdded(let line) in events {
      summary.total = try summary.total.adding(try line.total)
    }
  }

  private func show(_ progress: inout ProgressLine, _ summary: Summary) {
    let done = summary.placed + summary.found
    progress.show(
      "\(grouped(done)) of \(grouped(orders)) orders, \(grouped(summary.eventsAppended)) events",
      fraction: Double(done) / Double(orders))
  }
}
