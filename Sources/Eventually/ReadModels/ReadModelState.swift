/// One state of a generation, which does not change while it is read.
public protocol ReadModelState: Sendable {
  /// How far the read model is, for each partition that a worker has ever taken.
  func checkpoints() async throws(ReadModelError) -> [CheckpointStatus]

  /// How many events and records were not applied.
  func unappliedCounts() async throws(ReadModelError) -> UnappliedCounts

  /// The places of all events that are parked or were dropped, by partition.
  func unapplied() async throws(ReadModelError) -> [Partition: Set<UInt64>]

  /// The next rows of a table in the order of their keys: integers, then text by its bytes.
  /// - Parameters:
  ///   - table: the table.
  ///   - key: the key of the row before; `nil` for the first.
  ///   - limit: at most so many.
  func rows(
    of table: TableSchema, after key: [ColumnValue]?, limit: Int
  ) async throws(ReadModelError) -> [TableRow]
}

/// A row of a read model without its type.
public struct TableRow: Sendable, Hashable {
  /// The columns of its key.
  public var key: [ColumnValue]
  /// The other columns.
  public var values: [ColumnValue]

  /// A row from its parts.
  public init(key: [ColumnValue], values: [ColumnValue]) {
    self.key = key
    self.values = values
  }
}

/// A difference between two generations of the same read model.
public struct RowDifference: Sendable, Hashable {
  /// The table.
  public var table: String
  /// The row's key.
  public var key: [ColumnValue]
  /// The other columns as they should be; `nil` where there should be no such row.
  public var expected: [ColumnValue]?
  /// The other columns as they are; `nil` where there is no such row.
  public var found: [ColumnValue]?

  /// A difference from its parts.
  public init(
    table: String, key: [ColumnValue], expected: [ColumnValue]?, found: [ColumnValue]?
  ) {
    self.table = table
    self.key = key
    self.expected = expected
    self.found = found
  }
}

/// What comparing a state of a read model with what it should be has come to.
public struct StateComparison: Sendable {
  /// The digest of the rows that there are.
  public private(set) var found = ReadModelDigest()
  /// The digest of the rows that there should be.
  public private(set) var expected = ReadModelDigest()
  /// How many rows differ.
  public private(set) var differenceCount = 0
  /// The first of them.
  public private(set) var differences: [RowDifference] = []

  /// Compares two states row by row, in constant memory.
  /// - Parameters:
  ///   - expected: the state as it should be.
  ///   - found: the state that is checked.
  ///   - tables: the tables that are compared.
  ///   - limit: at most so many differences are told.
  /// - Throws: ``ReadModelError``, and `CancellationError`.
  public init(
    expected: any ReadModelState, found: any ReadModelState, tables: [TableSchema], limit: Int = 10
  ) async throws {
    for table in tables {
      var a = try await Cursor(expected, table)
      var b = try await Cursor(found, table)
      while a.row != nil || b.row != nil {
        let order = Self.order(a.row?.key, b.row?.key)
        let (x, y) = (order <= 0 ? a.row : nil, order >= 0 ? b.row : nil)
        if let x { self.expected.add(table, x.key + x.values) }
        if let y { self.found.add(table, y.key + y.values) }
        if let key = (x ?? y)?.key, x?.values != y?.values {
          differenceCount += 1
          if differences.count < limit {
            differences.append(
              RowDifference(
                table: table.name, key: key, expected: x?.values, found: y?.values))
          }
        }
        if order <= 0 { try await a.advance() }
        if order >= 0 { try await b.advance() }
      }
    }
  }

  /// The order of two keys: below 0 where `a` is the first one. A key that is missing comes last.
  private static func order(_ a: [ColumnValue]?, _ b: [ColumnValue]?) -> Int {
    guard let a else { return b == nil ? 0 : 1 }
    guard let b else { return -1 }
    for (x, y) in zip(a, b) where x != y { return x.isBefore(y) ? -1 : 1 }
    return 0
  }

  /// Walks a table's rows in the order of their keys.
  private struct Cursor {
    private static let pageSize = 1000
    private let state: any ReadModelState
    private let table: TableSchema
    private var page: [TableRow] = []
    private var index = 0

    init(_ state: any ReadModelState, _ table: TableSchema) async throws {
      self.state = state
      self.table = table
      try await load(after: nil)
    }

    /// The row that the cursor is at; `nil` behind the last.
    var row: TableRow? { index < page.count ? page[index] : nil }

    mutating func advance() async throws {
      index += 1
      guard index == page.count, index == Self.pageSize else { return }
      try await load(after: page.last?.key)
    }

    private mutating func load(after key: [ColumnValue]?) async throws {
      try Task.checkCancellation()
      page = try await state.rows(of: table, after: key, limit: Self.pageSize)
      index = 0
    }
  }
}
