import ArgumentParser
import Eventually
import Orders

/// One caller that appends batch after batch, each to one of many streams.
struct AppendChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "append", shouldDisplay: false)
  @Argument var store: String
  @Argument var batch: Int
  @Argument var events: Int
  @Argument var streams: Int

  func run() async throws {
    let store = try await openStore(store)
    let batchEvents = Array(repeating: Events.line, count: batch)
    var random = Random(seed: 1)
    var calls: [Double] = []
    let start = monotonic()
    for _ in 0..<(events / batch) {
      let number = String(random.next() % UInt64(streams))
      let stream = "order-" + String(repeating: "0", count: 8 - number.utf8.count) + number
      let before = monotonic()
      _ = try await store.append(batchEvents, to: stream, expecting: .any)
      calls.append(monotonic() - before)
    }
    try Measured(count: events, seconds: monotonic() - start, calls: calls).report()
  }
}

/// Many callers, each of which appends one event after the other.
struct CallersChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "callers", shouldDisplay: false)
  @Argument var store: String
  @Argument var callers: Int
  @Argument var events: Int
  @Argument var streams: Int
  @Flag(help: "Whether each append has an idempotency key.")
  var keys = false

  func run() async throws {
    let store = try await openStore(store)
    let each = events / callers
    let start = monotonic()
    let calls = try await withThrowingTaskGroup(of: [Double].self) { group in
      for caller in 0..<callers {
        group.addTask {
          var random = Random(seed: UInt64(caller))
          var calls: [Double] = []
          calls.reserveCapacity(each)
          for number in 0..<each {
            let stream = "order-\(random.next() % UInt64(streams))"
            let before = monotonic()
            if keys {
              let name = "order-\(caller)-\(number)"
              _ = try await store.append(
                [Events.line], to: stream, expecting: .any,
                idempotencyKey: IdempotencyKey(
                  name, request: RequestFingerprint(Array(name.utf8))))
            } else {
              _ = try await store.append([Events.line], to: stream, expecting: .any)
            }
            calls.append(monotonic() - before)
          }
          return calls
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    try Measured(count: each * callers, seconds: monotonic() - start, calls: calls).report()
  }
}

/// Fills a store with orders, or adds to one.
struct BuildChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "build", shouldDisplay: false)
  @Argument var store: String
  @Argument var events: Int
  @Argument var partitions: Int32

  func run() async throws {
    let store = try await openStore(store, partitions: partitions)
    let orders = events / Events.perOrder
    let first = Int(store.head.position) / Events.perOrder
    let numbers = Numbers(first..<first + orders)
    let start = monotonic()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<128 {
        group.addTask {
          while let number = numbers.next() {
            _ = try await store.append(
              Events.order(number), to: Events.orderID(number), expecting: .any)
          }
        }
      }
      try await group.waitForAll()
    }
    try Measured(count: orders * Events.perOrder, seconds: monotonic() - start).report()
  }
}

/// Hands out numbers, each once, to whoever asks.
final class Numbers: Sendable {
  private let left: Locked<Range<Int>>

  init(_ range: Range<Int>) {
    left = Locked(range)
  }

  func next() -> Int? { left.withLock { $0.popFirst() } }
}

/// Collects what many tasks give.
final class Collected<Element: Sendable>: Sendable {
  private let elements = Locked([Element]())

  func add(_ element: Element) { elements.withLock { $0.append(element) } }
  var all: [Element] { elements.withLock { $0 } }
}
