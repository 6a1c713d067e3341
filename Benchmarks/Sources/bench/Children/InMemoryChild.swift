import ArgumentParser
import Eventually
import Orders

/// The library in memory, or the same work by hand on a dictionary of arrays.
struct InMemoryChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "in-memory", shouldDisplay: false)
  @Argument var work: String
  @Argument var subject: String
  @Argument var events: Int

  private static let streams = 1000

  func run() async throws {
    let measured =
      subject == "library" ? try await library() : try byHand()
    try measured.report()
  }

  // MARK: - The library

  private func library() async throws -> Measured {
    let store = InMemoryEventStore<String, OrderEvent>()
    if work == "append" { return try await timed { try fill(store) } }
    try fill(store)
    switch work {
    case "stream":
      return try await timed {
        var count = 0
        for try await _ in store.streamAll(.all) { count += 1 }
        guard count == events else { throw BenchError("\(count)") }
      }
    case "load":
      let repository = Repository(Tally(), store: store)
      return try await timed {
        for number in 0..<Self.streams { _ = try await repository.get("order-\(number)") }
      }
    default:
      return try await timed {
        let sums = Sums()
        let projector = Projector(
          sums, from: TransientSubscription(store, checkpoint: 0))
        let running = Task { try await projector.run() }
        await sums.count.wait(past: UInt64(events - 1))
        running.cancel()
        _ = try? await running.value
      }
    }
  }

  private func fill(_ store: InMemoryEventStore<String, OrderEvent>) throws {
    for number in 0..<events {
      _ = try store.append(
        [Events.line], to: "order-\(number % Self.streams)", expecting: .any)
    }
  }

  private func timed(_ body: () async throws -> Void) async throws -> Measured {
    let start = monotonic()
    try await body()
    return Measured(count: events, seconds: monotonic() - start)
  }

  // MARK: - By hand

  private struct Row {
    var stream: String
    var version: Int
    var sequence: Int
    var time: Timestamp
    var event: OrderEvent
  }

  private struct Table {
    var streams: [String: [Int]] = [:]
    var rows: [Row] = []

    mutating func append(_ event: OrderEvent, to stream: String) {
      streams[stream, default: []].append(rows.count)
      let version = streams[stream]?.count ?? 0
      rows.append(
        Row(
          stream: stream, version: version, sequence: rows.count + 1, time: .now(), event: event))
    }
  }

  private func byHand() throws -> Measured {
    var table = Table()
    let beforeFilling = monotonic()
    for number in 0..<events { table.append(Events.line, to: "order-\(number % Self.streams)") }
    if work == "append" { return Measured(count: events, seconds: monotonic() - beforeFilling) }
    let start = monotonic()
    var sum: Int64 = 0
    switch work {
    case "stream":
      for row in table.rows { sum += Int64(row.sequence) }
    case "load":
      for number in 0..<Self.streams {
        for index in table.streams["order-\(number)"] ?? [] {
          if case .itemAdded(let line) = table.rows[index].event { sum += line.quantity.value }
        }
      }
    default:
      var sums: [String: Int64] = [:]
      for row in table.rows {
        if case .itemAdded(let line) = row.event {
          sums[row.stream, default: 0] += line.quantity.value
        }
      }
      sum = sums.values.reduce(0, +)
    }
    let seconds = monotonic() - start
    guard sum > 0 else { throw BenchError("nothing was added up") }
    return Measured(count: events, seconds: seconds)
  }
}

/// A projection that adds up.
private final class Sums: Projection {
  let count = PositionSignal(at: 0)
  private let sums = Locked([String: Int64]())

  func project(_ event: Persisted<String, OrderEvent>) {
    if case .itemAdded(let line) = event.event {
      sums.withLock { $0[event.streamID, default: 0] += line.quantity.value }
    }
    count.advance(to: event.position.sequenceNumber)
  }

  func forget(_ streamID: String) {
    sums.withLock { $0[streamID] = nil }
  }
}
