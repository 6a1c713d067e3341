import Eventually
import EventuallySQLite
import Foundation
import Orders
import Testing

/// Numbers that follow from a seed, which is told where a test fails.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
}

/// Every row of a read model in memory, as text.
func dump(_ rows: Rows, _ tables: [any ReadModelRow.Type]) throws -> [String] {
  func lines<Row: ReadModelRow>(_ type: Row.Type) throws -> [String] {
    try rows.list(type).map {
      "\(Row.schema.name) \(try Row.columns(of: $0.key)) \(try $0.values)"
    }
  }
  return try tables.flatMap { try lines($0) }.sorted()
}

/// A database of which only the bytes are of interest that are written to it.
private final class CountingStorage: RowStorage {
  private final class Table: TableStorage {
    private let storage: CountingStorage
    private var rows: [[ColumnValue]: [ColumnValue]] = [:]

    init(_ storage: CountingStorage) {
      self.storage = storage
    }

    func load(_ key: [ColumnValue]) -> [ColumnValue]? { rows[key] }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) {
      rows[key] = values
      for case .text(let text) in key + (values ?? []) { storage.written += text.utf8.count }
    }
  }

  var written = 0

  func table(_ schema: TableSchema) -> any TableStorage { Table(self) }
}

@Suite struct ReadModelTests {
  typealias Entry = LogEntry<String, OrderEvent>

  /// The log of each of a few orders: some completed, some cancelled, some open, some removed.
  private func logs(_ count: Int, _ random: inout Seeded, removed: Bool) -> [[Entry]] {
    var sequence: UInt64 = 0
    return (0..<count).map { number in
      let id = "order-\(number)"
      var events: [OrderEvent] = [
        .created(
          OrderHeader(
            customer: [nil, "a", "b", "\u{e9}", "e\u{301}"].randomElement(using: &random) ?? nil,
            country: ["X", "\u{e9}", "e\u{301}"].randomElement(using: &random) ?? "X",
            kind: .adjustment,
            time: Timestamp(microseconds: Int64.random(in: 0...3, using: &random) * 86_400_000_000)
          ))
      ]
      for _ in 0..<([1, 2, 3, 4, 5, 40, 70].randomElement(using: &random) ?? 1) {
        events.append(
          .itemAdded(
            OrderLine(
              sku: ["s", "t"].randomElement(using: &random) ?? "s",
              description: ["one", "\u{e9}", "e\u{301}"].randomElement(using: &random) ?? "one",
              quantity: ([-2, 1, 3] as [Quantity]).randomElement(using: &random) ?? 1,
              unitPrice: Money(tenThousandths: Int64.random(in: -10...10, using: &random)))))
      }
      switch Int.random(in: 0..<4, using: &random) {
      case 0: break
      case 1: events.append(.cancelled(reason: "late"))
      default: events.append(.completed)
      }
      var entries = events.enumerated().map { offset, event -> Entry in
        sequence += 1
        let time = Timestamp(microseconds: 0)
        return .event(
          Persisted(
            streamID: id,
            position: EventPosition(
              partition: 0, partitionOffset: sequence, sequenceNumber: sequence,
              version: UInt64(offset) + 1), id: EventID(time: time), time: time, event: event))
      }
      if removed {
        sequence += 1
        entries.append(
          .removed(
            id, id: EventID(high: 1, low: sequence),
            at: EventPosition(
              partition: 0, partitionOffset: sequence, sequenceNumber: sequence, version: 0)))
      }
      return entries
    }
  }

  /// Streams merged in some order, each stream's own order kept.
  private func merge(_ logs: [[Entry]], _ random: inout Seeded) -> [Entry] {
    var rest = logs.map { $0[...] }
    var merged: [Entry] = []
    while let index = rest.indices.filter({ !rest[$0].isEmpty }).randomElement(using: &random) {
      merged.append(rest[index].removeFirst())
    }
    return merged
  }

  private func fold(_ model: some ReadModel<OrderEvent>, _ entries: [Entry]) throws -> [String] {
    let rows = Rows()
    for entry in entries { try model.take(entry, into: rows) }
    return try dump(rows, model.tables)
  }

  private static let models: [any ReadModel<OrderEvent>] = [
    OrdersReadModel(), SalesReadModel(), CustomersReadModel(),
  ]

  /// Workers take in partitions side by side, so the order between streams must not matter.
  @Test func theOrderBetweenStreamsDoesNotMatter() throws {
    var random = Seeded(state: .random(in: .min ... .max))
    for _ in 0..<50 {
      let seed = random.state
      let logs = logs(8, &random, removed: false)
      for model in Self.models {
        let expected = try fold(model, merge(logs, &random))
        #expect(try fold(model, merge(logs, &random)) == expected, "seed \(seed) \(model.name)")
      }
    }
  }

  /// A removed stream leaves nothing: the rest is as if it had never been.
  @Test func aRemovedStreamLeavesNothing() throws {
    var random = Seeded(state: .random(in: .min ... .max))
    for _ in 0..<50 {
      let seed = random.state
      let kept = logs(5, &random, removed: false)
      let removed = logs(10, &random, removed: true).suffix(5)
      for model in Self.models {
        let expected = try fold(model, merge(kept, &random))
        let found = try fold(model, merge(kept + removed, &random))
        #expect(found == expected, "seed \(seed) \(model.name)")
      }
    }
  }

  @Test func salesCountWhatIsCompletedAndSumExactly() throws {
    let rows = Rows()
    let model = SalesReadModel()
    func take(_ id: String, _ events: [OrderEvent]) throws {
      for (offset, event) in events.enumerated() {
        let position = EventPosition(
          partition: 0, partitionOffset: 1, sequenceNumber: 1, version: UInt64(offset) + 1)
        try model.project(
          Persisted(
            streamID: id, position: position, id: EventID(time: sale.time), time: sale.time,
            event: event), into: rows)
      }
    }
    try take(
      "1", [.created(sale), .itemAdded(line("a", 3, "0.1")), .itemAdded(line("a", 1, "0.2"))])
    #expect(try rows.all(DayRow.self).isEmpty)
    try take("2", [.created(sale), .itemAdded(line("a", 3, "0.001")), .completed])
    try take("3", [.created(sale), .itemAdded(line("b", 5, "100")), .cancelled(reason: "late")])
    let day = try #require(try rows.all(DayRow.self)["2010-12-01"])
    #expect(day.figures == SalesFigures(revenue: Money("0.003") ?? .zero, units: 3, orders: 1))
    #expect(try rows.all(ProductRow.self).count == 1)
    #expect(try rows.all(SalesOrderRow.self).count == 2)
  }

  @Test func anEventWithoutItsBeginningIsAnError() {
    let position = EventPosition(
      partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 2)
    let event = Persisted(
      streamID: "1", position: position, id: EventID(time: sale.time), time: sale.time,
      event: OrderEvent.itemAdded(line()))
    #expect(throws: OrphanEvent.self) {
      try OrdersReadModel().project(event, into: Rows())
    }
    #expect(throws: OrphanEvent.self) {
      try SalesReadModel().project(event, into: Rows())
    }
  }

  /// The log of one order of so many lines, completed.
  private func order(of count: Int) -> [Entry] {
    var events: [OrderEvent] = [.created(sale)]
    for number in 0..<count { events.append(.itemAdded(line("s\(number % 7)", 2, "0.5"))) }
    events.append(.completed)
    return events.enumerated().map { offset, event in
      let number = UInt64(offset) + 1
      return .event(
        Persisted(
          streamID: "big",
          position: EventPosition(
            partition: 0, partitionOffset: number, sequenceNumber: number, version: number),
          id: EventID(time: sale.time), time: sale.time, event: event))
    }
  }

  @Test(arguments: [1, 31, 32, 33, 64, 65, 1000])
  func salesOfAnOrderOfAnySizeAreCountedAndTakenBack(count: Int) throws {
    let rows = Rows()
    let model = SalesReadModel()
    let entries = order(of: count)
    for entry in entries { try model.take(entry, into: rows) }
    let day = try #require(try rows.all(DayRow.self)["2010-12-01"])
    #expect(day.figures.units == Count(exactly: Int64(count) * 2))
    #expect(day.figures.revenue.tenThousandths == Int64(count) * 10_000)
    #expect(day.figures.orders == 1)
    #expect(try rows.all(ProductRow.self).count == min(count, 7))
    // What an event writes is bounded, however many there were before.
    for row in try rows.all(SalesOrderRow.self).values {
      #expect(row.lines.all.count <= SalesLinesRow.capacity)
    }
    for row in try rows.all(SalesLinesRow.self).values {
      #expect(row.lines.all.count == SalesLinesRow.capacity)
    }
    let kept =
      try rows.all(SalesLinesRow.self).count * SalesLinesRow.capacity
      + (try rows.all(SalesOrderRow.self)["big"]?.lines.all.count ?? 0)
    #expect(kept == count)
    try model.forget("big", in: rows)
    #expect(try dump(rows, model.tables).isEmpty)
    // An order that is cancelled leaves nothing either.
    for entry in entries.dropLast() { try model.take(entry, into: rows) }
    if case .event(var last)? = entries.last {
      last.event = .cancelled(reason: "late")
      try model.take(.event(last), into: rows)
    }
    #expect(try dump(rows, model.tables).isEmpty)
  }

  /// What an event makes each read model write does not grow with the order that it belongs to.
  @Test func anEventOfALargeOrderWritesNoMoreThanOneOfASmall() throws {
    for model in Self.models {
      let storage = CountingStorage()
      let rows = Rows(over: storage)
      var written: [Int] = []
      for entry in order(of: 10_000).dropLast() {
        storage.written = 0
        try model.take(entry, into: rows)
        try rows.save()
        rows.clear()
        written.append(storage.written)
      }
      // A full row, and the order's own.
      let small = try #require(written[..<100].max())
      let large = try #require(written[9_000...].max())
      #expect(large <= small, "\(model.name): \(large) bytes, \(small) at first")
      #expect(large < 4_000, "\(model.name)")
    }
  }

  @Test func sumsBeyondTheirRangeAreErrorsAndChangeNothing() throws {
    let rows = Rows()
    rows.isIsolating = true
    let most = SalesFigures(revenue: .maximum, units: .maximum, orders: .maximum)
    try rows.put(DayRow(key: "2010-12-01", figures: most))
    try rows.put(CustomerRow(key: "17850"))
    try rows.update(CustomerRow.self, "17850") { $0?.revenue = .maximum }
    for model in [SalesReadModel(), CustomersReadModel()] as [any ReadModel<OrderEvent>] {
      let entries = order(of: 2)
      for entry in entries.dropLast() { try model.take(entry, into: rows) }
      let last = try #require(entries.last)
      rows.beginEntry()
      #expect(throws: AmountOverflow.self) { try model.take(last, into: rows) }
      rows.revertEntry()
      #expect(try rows.all(DayRow.self)["2010-12-01"]?.figures == most)
      #expect(try rows.all(CustomerRow.self)["17850"]?.revenue == .maximum)
    }
  }

  @Test func whatIsOutOfRangeIsNoValueOfARow() {
    #expect(throws: RowError.self) {
      try DayRow(key: "x", values: [.integer(.min), .integer(0), .integer(1)])
    }
    #expect(throws: RowError.self) {
      try DayRow(key: "x", values: [.integer(0), .integer(.max), .integer(1)])
    }
    #expect(throws: RowError.self) {
      try CustomerOrderRow(
        key: "x", values: [.text("c"), .integer(.max), .integer(0), .integer(0)])
    }
    #expect(throws: RowError.self) {
      try SalesOrderRow(
        key: "x", values: [.text("d"), .text("c"), .integer(0), .integer(.max), .text("[]")])
    }
    #expect(throws: RowError.self) {
      try SalesOrderRow(
        key: "x", values: [.text("d"), .text("c"), .integer(0), .integer(0), .text("[[]]")])
    }
  }

  /// Rows go through columns and back unchanged, in a database too.
  @Test func theDatabaseAgreesWithMemory() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var random = Seeded(state: .random(in: .min ... .max))
    let seed = random.state
    let entries = merge(logs(40, &random, removed: false), &random)
    func check(_ model: some ReadModel<OrderEvent>) async throws {
      let path = folder.appending(path: "\(model.name).sqlite").path()
      var position: UInt64?
      var rest = entries[...]
      while !rest.isEmpty {
        // Another worker, which has no rows in memory.
        let database = try ReadModelDatabase(
          path: path, model: model, codec: OrderEventCodec(), storeID: "store", partitionCount: 1)
        let lease = try await database.claim([0], owner: "test")[0]
        for _ in 0..<3 {
          let batch = rest.prefix(Int.random(in: 1...20, using: &random))
          rest = rest.dropFirst(batch.count)
          if batch.isEmpty { break }
          let delivery = Delivery(
            partition: 0, epoch: lease.epoch, after: position, entries: Array(batch),
            nextOffset: nil)
          #expect(try await database.apply([delivery], parking: []) == ApplyOutcome())
          position = (position ?? 0) + UInt64(batch.count)
        }
      }
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      var found: [String] = []
      for table in model.tables.map({ $0.schema }) {
        let columns = (table.key + table.values).map(\.name).joined(separator: ", ")
        found += try connection.rows("SELECT \(columns) FROM \(table.name)") { row in
          let values = (0..<row.columnCount).map { row.value($0) }
          return "\(table.name) \(Array(values.prefix(table.key.count))) "
            + "\(Array(values.dropFirst(table.key.count)))"
        }
      }
      #expect(found.sorted() == (try fold(model, entries)), "seed \(seed) \(model.name)")
    }
    for model in Self.models { try await check(model) }
  }
}
