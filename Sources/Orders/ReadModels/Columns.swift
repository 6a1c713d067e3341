import Eventually

/// Columns that hold amounts, counts and times. What is outside of its type's range is no value of a row.
extension ColumnValue {
  static func money(_ amount: Money) -> ColumnValue { .integer(amount.tenThousandths) }
  static func count(_ count: Count) -> ColumnValue { .integer(count.value) }
  static func time(_ time: Timestamp) -> ColumnValue { .integer(time.microseconds) }
}

extension [ColumnValue] {
  func money(_ index: Int, of table: TableSchema) throws(RowError) -> Money {
    try ranged(index, table, "amount", Money.init(exactly:))
  }

  func count(_ index: Int, of table: TableSchema) throws(RowError) -> Count {
    try ranged(index, table, "count", Count.init(exactly:))
  }

  func time(_ index: Int, of table: TableSchema) throws(RowError) -> Timestamp {
    try ranged(index, table, "time", Timestamp.init(exactly:))
  }

  private func ranged<Value>(
    _ index: Int, _ table: TableSchema, _ what: String, _ make: (Int64) -> Value?
  ) throws(RowError) -> Value {
    let number = try integer(index, of: table)
    guard let value = make(number) else {
      throw RowError(
        table: table.name,
        reason: "\(number) in value column \(index) is out of range for a \(what)")
    }
    return value
  }
}
