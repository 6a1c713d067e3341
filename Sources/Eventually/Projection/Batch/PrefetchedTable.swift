extension PrefetchedRows {
  /// The rows of one table.
  final class Table: TableStorage {
    /// A row that was asked for, or loaded.
    struct Slot {
      let key: [ColumnValue]
      /// As the database has it, in the transaction that goes on.
      var stored: [ColumnValue]?
      /// As the pass has left it.
      var current: [ColumnValue]?
      /// As it was before the transaction saved it, where it has.
      var original: [ColumnValue]?
      var isLoaded = false
      /// Whether the transaction has saved it, so that it is not as the pass found it.
      var isSaved = false
      /// Whether the pass has asked for it, and how it is has to be known.
      var isAsked = false
      /// Whether the pass has put or deleted it without asking for it: it is saved, whatever it was.
      var isReplaced = false
      /// Whose entries have touched it in this pass.
      var partition: Partition?
    }

    let schema: TableSchema
    var partition: Partition = 0
    private let limit: KeyLimit
    /// The columns of the key and of the values that are in some index, each index by itself.
    private let indexes: [[Int]]
    private var slots: [Slot] = []
    /// Where the row with a key is.
    private var places: [[ColumnValue]: Int] = [:]
    /// The rows that the pass has asked for, or that the transaction has saved.
    private var touched: [Int] = []
    /// Whether it seems to have rows by stream.
    private(set) var isByStream = false

    init(_ schema: TableSchema, _ limit: KeyLimit) {
      self.schema = schema
      self.limit = limit
      let names = (schema.key + schema.values).map(\.name)
      indexes = schema.indexes.map { $0.compactMap { name in names.firstIndex(of: name) } }
    }

    var count: Int { slots.count }

    func load(_ key: [ColumnValue]) throws -> [ColumnValue]? {
      // What the database can't hold it can't be asked for, and has not.
      if places[key] == nil, key.contains(where: \.hasZero) { return nil }
      let place = places[key] ?? add(Slot(key: key))
      try touch(place)
      slots[place].isAsked = true
      return slots[place].current
    }

    private func add(_ slot: Slot) -> Int {
      slots.append(slot)
      places[slot.key] = slots.count - 1
      return slots.count - 1
    }

    private func touch(_ place: Int) throws {
      guard let other = slots[place].partition else {
        slots[place].partition = partition
        if !slots[place].isSaved { touched.append(place) }
        return
      }
      if other != partition, !schema.isShared {
        throw RowError(
          table: schema.name,
          reason:
            "it is not shared, and events of the partitions \(other) and \(partition) touch the row \(slots[place].key)"
        )
      }
    }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) throws {
      if let values { try check(key, values) } else if key.contains(where: \.hasZero) { return }
      let place = places[key] ?? add(Slot(key: key))
      try touch(place)
      slots[place].current = values
      // Of shared rows others may know more: those are loaded under the lock.
      if !slots[place].isAsked, !slots[place].isLoaded, !schema.isShared {
        slots[place].isReplaced = true
      }
    }

    /// What PostgreSQL does not take in a row is an error of the event that makes such a row.
    private func check(_ key: [ColumnValue], _ values: [ColumnValue]) throws(RowError) {
      for value in key where value == .null {
        throw RowError(table: schema.name, reason: "a column of a key has no value")
      }
      guard !key.contains(where: \.hasZero), !values.contains(where: \.hasZero) else {
        throw RowError(table: schema.name, reason: "a column's text has U+0000")
      }
      try check(bytes: key.reduce(0) { $0 + $1.size })
      for columns in indexes {
        try check(
          bytes: columns.reduce(0) {
            $0 + ($1 < key.count ? key[$1] : values[$1 - key.count]).size
          })
      }
    }

    private func check(bytes: Int) throws(RowError) {
      guard bytes > limit.bytes else { return }
      throw RowError(
        table: schema.name,
        reason: "a key or an index has \(bytes) bytes, and may have \(limit.bytes)")
    }

    func beginPass() {
      var saved: [Int] = []
      for place in touched {
        slots[place].partition = nil
        (slots[place].isAsked, slots[place].isReplaced) = (false, false)
        // What was saved goes back to what it was before the batch, and is saved again where that is not what comes of it.
        let isSaved = slots[place].isSaved
        slots[place].current = isSaved ? slots[place].original : slots[place].stored
        if isSaved { saved.append(place) }
      }
      touched = saved
    }

    private var unknownPlaces: [Int] {
      touched.filter { !slots[$0].isLoaded && !slots[$0].isReplaced }
    }

    var missing: TableKeys? { keys(unknownPlaces) }
    var touchedKeys: TableKeys? { keys(touched) }

    private func keys(_ places: [Int]) -> TableKeys? {
      places.isEmpty ? nil : TableKeys(schema: schema, keys: places.map { slots[$0].key })
    }

    func insert(_ rows: [Row]) {
      for row in rows {
        let slot = Slot(
          key: row.key, stored: row.values, current: row.values, isLoaded: true)
        if let place = places[row.key] { slots[place] = slot } else { _ = add(slot) }
      }
    }

    /// - Returns: whether none of them is there. Those are known then, and stay as the pass has left them.
    func confirm(_ rows: [Row]) -> Bool {
      insert(rows.filter { $0.values != nil })
      for row in rows where row.values == nil {
        if let place = places[row.key] { slots[place].isLoaded = true }
      }
      return rows.allSatisfy { $0.values == nil }
    }

    var mayBeByStream: Bool {
      !schema.isShared && schema.key.count == 1 && schema.key[0].kind == .text
    }

    func learn(from streams: Set<[ColumnValue]>) {
      let missing = unknownPlaces
      if missing.isEmpty { return }
      isByStream = missing.count { streams.contains(slots[$0].key) } * 2 > missing.count
    }

    func unknown(of keys: Set<[ColumnValue]>) -> TableKeys? {
      let keys = keys.filter { key in
        let isLoaded = places[key].map { slots[$0].isLoaded } ?? false
        return !isLoaded && !key[0].hasZero
      }
      return keys.isEmpty ? nil : TableKeys(schema: schema, keys: Array(keys))
    }

    /// Forgets what the pass has not asked for.
    func keepTouched() {
      if touched.count == slots.count { return }
      var isKept = [Bool](repeating: false, count: slots.count)
      for place in touched { isKept[place] = true }
      for place in slots.indices where !isKept[place] {
        slots[place] = Slot(key: slots[place].key)
      }
    }

    func hasSeen(_ rows: [Row]) -> Bool {
      rows.allSatisfy { row in
        guard let place = places[row.key], slots[place].isLoaded else { return false }
        return slots[place].stored == row.values
      }
    }

    /// - Parameter isLast: whether no pass follows: what it was before, another pass needs to know.
    func takeChanges(isLast: Bool) -> [Row] {
      var changes: [Row] = []
      for place in touched {
        if slots[place].isReplaced {
          guard isLast else { continue }
          (slots[place].isReplaced, slots[place].isLoaded) = (false, true)
        } else {
          guard slots[place].isLoaded, slots[place].current != slots[place].stored else { continue }
        }
        if !slots[place].isSaved { slots[place].original = slots[place].stored }
        slots[place].stored = slots[place].current
        slots[place].isSaved = true
        changes.append(Row(key: slots[place].key, values: slots[place].current))
      }
      return changes
    }

    /// The transaction is committed: what it has saved is what the database has.
    func committed() {
      for place in touched {
        slots[place].original = nil
        (slots[place].isSaved, slots[place].isAsked) = (false, false)
        slots[place].partition = nil
      }
      touched.removeAll(keepingCapacity: true)
    }

    func clear() {
      slots.removeAll()
      places.removeAll()
      touched.removeAll()
    }
  }
}

extension ColumnValue {
  /// Whether it is text with a character that ends text in C.
  fileprivate var hasZero: Bool {
    guard case .text(var text) = self else { return false }
    return text.withUTF8 { $0.contains(0) }
  }

  /// About how many bytes it has in an index.
  fileprivate var size: Int {
    switch self {
    case .integer: 8
    case .text(let text): text.utf8.count
    case .null: 0
    }
  }
}
