import ArgumentParser
import Eventually
import EventuallySQLite
import Orders

/// The whole store in order, decoded.
struct ScanChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "scan", shouldDisplay: false)
  @Argument var store: String

  func run() async throws {
    let log = try SQLiteEventLog(path: store)
    var count = 0
    var last: UInt64 = 0
    let start = monotonic()
    for try await entry in StoredLog(log: log, codec: OrderEventCodec()) {
      count += 1
      last = entry.position.sequenceNumber
    }
    let seconds = monotonic() - start
    guard count == Int(last) else { throw BenchError("read \(count) events of \(last)") }
    try Measured(count: count, seconds: seconds).report()
  }
}

/// One stream, decoded, again and again.
struct StreamChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "stream", shouldDisplay: false)
  @Argument var store: String
  @Argument var id: String
  @Argument var rounds: Int

  func run() async throws {
    let log = try SQLiteEventLog(path: store)
    var count = 0
    var calls: [Double] = []
    let start = monotonic()
    for _ in 0..<rounds {
      let before = monotonic()
      for try await _ in StoredStream(log: log, codec: OrderEventCodec(), streamID: id) {
        count += 1
      }
      calls.append(monotonic() - before)
    }
    try Measured(count: count, seconds: monotonic() - start, calls: calls).report()
  }
}

/// One aggregate from its stream, again and again.
struct LoadChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "load", shouldDisplay: false)
  @Argument var store: String
  @Argument var id: String
  @Argument var rounds: Int
  @Flag var countingLoads = false

  func run() async throws {
    let store = try await openStore(store)
    let repository = Repository(Tally(), store: store)
    var count: UInt64 = 0
    var calls: [Double] = []
    let start = monotonic()
    for _ in 0..<rounds {
      let before = monotonic()
      let version = try await repository.get(id).version
      count += countingLoads ? 1 : version
      calls.append(monotonic() - before)
    }
    try Measured(count: Int(count), seconds: monotonic() - start, calls: calls).report()
  }
}

/// One aggregate with ninety-nine events after its snapshot, again and again.
struct SnapshotLoadChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load-snapshot", shouldDisplay: false)
  @Argument var store: String
  @Argument var id: String
  @Argument var rounds: Int

  private struct SumCodec: SnapshotCodec {
    let schemaVersion = 1

    func encode(_ state: Int64, into bytes: inout [UInt8]) {
      withUnsafeBytes(of: state.littleEndian) { bytes += $0 }
    }

    func decode(_ payload: Span<UInt8>) throws -> Int64 {
      payload.withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) }
    }
  }

  func run() async throws {
    let store = try OrderStore(path: store, codec: OrderEventCodec())
    let repository = Repository(
      Tally(), store: store, snapshots: Snapshots(in: store, codec: SumCodec(), every: 100))
    var root = try await repository.get(id)
    let events = UInt64(99) - (root.version - (try await store.snapshot(of: id)?.version ?? 0))
    for _ in 0..<events { await root.handle(Events.line) }
    try await repository.save(&root)
    var calls: [Double] = []
    let start = monotonic()
    for _ in 0..<rounds {
      let before = monotonic()
      guard try await repository.get(id).version == root.version else {
        throw BenchError("the aggregate changed")
      }
      calls.append(monotonic() - before)
    }
    try Measured(count: rounds, seconds: monotonic() - start, calls: calls).report()
  }
}

/// An aggregate with next to no state, so that loading is what is measured.
struct Tally: Aggregate {
  typealias ID = String
  typealias Event = OrderEvent
  typealias Failure = Never
  let initialState: Int64 = 0

  func apply(_ event: OrderEvent, to state: inout Int64) {
    if case .itemAdded(let line) = event { state += line.quantity.value }
  }

  func handle(_ command: OrderEvent, id: String, state: Int64) -> [OrderEvent] { [command] }
}

/// Encoding and decoding alone.
struct CodecChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "codec", shouldDisplay: false)
  @Argument var direction: String
  @Argument var coder: String
  @Argument var events: Int

  func run() async throws {
    switch coder {
    case "orders": try measure(OrderEventCodec(), Events.line)
    case "foundation": try measure(JSONEventCodec<PlainLine>(), PlainLine())
    default: throw BenchError("no such coder: \(coder)")
    }
  }

  private func measure<Codec: EventCodec>(_ codec: Codec, _ event: Codec.Event) throws {
    var bytes: [UInt8] = []
    try codec.encode(event, into: &bytes)
    let type = codec.type(of: event)
    let payload = bytes
    let start = monotonic()
    for _ in 0..<events {
      if direction == "encode" {
        bytes.removeAll(keepingCapacity: true)
        try codec.encode(event, into: &bytes)
      } else {
        _ = try codec.decode(type: type, payload: payload.span)
      }
    }
    try Measured(count: events, seconds: monotonic() - start).report()
  }
}

/// The same event for Foundation's coders.
struct PlainLine: NamedEvent {
  var eventType: String { "OrderItemAdded" }
  var sku = "85123A"
  var description =
    "WHITE HANGING HEART T-LIGHT HOLDER, packed with care, to be left with the neighbour"
  var quantity = 6
  var unitPrice = "2.55"
}
