/// The rows that a read model reads and changes: a unit of work over a database, or a read model in memory.
///
/// Over a storage, each row is loaded at most once, those that are only put or deleted not at all, and saved once, however often it
/// changes, until ``save()``; what was loaded stays until ``clear()``. Without a storage it is all there is: that is how read models are tested.
///
/// Everything that depends on the type of a row can be inlined, so that a projection's code works on its own rows
/// without a detour through generic code.
public final class Rows {
  /// A table, and what is done with all tables alike.
  @usableFromInline struct Entry {
    @usableFromInline let type: ObjectIdentifier
    @usableFromInline let table: AnyObject
    @usableFromInline let isShared: Bool
    @usableFromInline let count: () -> Int
    @usableFromInline let save: () throws -> Void
    @usableFromInline let clear: () -> Void
    @usableFromInline let forgetChanges: () -> Void
    @usableFromInline let revertChanges: () -> Void

    @inlinable init(
      type: ObjectIdentifier, table: AnyObject, isShared: Bool, count: @escaping () -> Int,
      save: @escaping () throws -> Void, clear: @escaping () -> Void,
      forgetChanges: @escaping () -> Void,
      revertChanges: @escaping () -> Void
    ) {
      self.type = type
      self.table = table
      self.isShared = isShared
      self.count = count
      self.save = save
      self.clear = clear
      self.forgetChanges = forgetChanges
      self.revertChanges = revertChanges
    }
  }

  /// A handful at most: looked through faster than hashed.
  @usableFromInline var entries: [Entry] = []
  @usableFromInline let storage: (any RowStorage)?
  /// Whether changes are noted, so that those of one entry can be taken back.
  public var isIsolating = false

  /// Rows over a storage, or in memory alone.
  public init(over storage: (any RowStorage)? = nil) {
    self.storage = storage
  }

  /// The row with a key, or `nil`.
  @inlinable public func row<Row: ReadModelRow>(_ type: Row.Type, _ key: Row.Key) throws -> Row? {
    let table = try table(type)
    return table.slots[try table.slot(of: key)].row
  }

  /// Lets `body` change the row with a key in place: `nil` before stands for a row that does not exist,
  /// `nil` after for one that is to be deleted.
  @inlinable public func update<Row: ReadModelRow>(
    _ type: Row.Type, _ key: Row.Key, _ body: (inout Row?) throws -> Void
  ) throws {
    let table = try table(type)
    let index = try table.slot(of: key)
    if isIsolating { table.changes.append((index, table.slots[index])) }
    // In place, for rows that own arrays: a copy would copy those.
    try body(&table.slots[index].row)
    table.slots[index].isChanged = true
  }

  /// Adds a row, or replaces the one with the same key, which is not loaded for that.
  @inlinable public func put<Row: ReadModelRow>(_ row: Row) throws {
    try replace(row.key, with: row)
  }

  /// Deletes the row with a key, where there is one; it is not loaded for that.
  @inlinable public func delete<Row: ReadModelRow>(_ type: Row.Type, _ key: Row.Key) throws {
    try replace(key, with: nil as Row?)
  }

  @inlinable func replace<Row: ReadModelRow>(_ key: Row.Key, with row: Row?) throws {
    let table = try table(Row.self)
    let index = table.slotToReplace(of: key)
    if isIsolating { table.changes.append((index, table.slots[index])) }
    table.slots[index].replace(with: row)
  }

  /// All rows of a table that are here, in no order: the whole table, where there is no storage.
  public func list<Row: ReadModelRow>(_ type: Row.Type) throws -> [Row] {
    try table(type).slots.compactMap(\.row)
  }

  /// All rows of a table that are here, by key: the whole table, where there is no storage. Of keys that are equal by `==`
  /// and differ in their bytes one is left out; ``list(_:)`` has all.
  public func all<Row: ReadModelRow>(_ type: Row.Type) throws -> [Row.Key: Row] {
    var rows: [Row.Key: Row] = [:]
    for slot in try table(type).slots { rows[slot.key] = slot.row }
    return rows
  }

  // MARK: - The unit of work

  /// From here on, changes can be taken back.
  public func beginEntry() {
    for entry in entries { entry.forgetChanges() }
  }

  /// Takes back all changes since the entry began.
  public func revertEntry() {
    for entry in entries { entry.revertChanges() }
  }

  /// How many rows are here.
  public var count: Int { entries.reduce(0) { $0 + $1.count() } }

  /// Saves what has changed.
  public func save() throws {
    for entry in entries { try entry.save() }
  }

  /// Saves and forgets the rows of tables that are not shared, so that the storage is asked again for one that is touched by
  /// another partition, which must not be.
  package func releasePartition() throws {
    for entry in entries where !entry.isShared {
      try entry.save()
      entry.clear()
    }
  }

  /// Forgets everything, saved or not.
  public func clear() {
    for entry in entries { entry.clear() }
  }

  @inlinable func table<Row: ReadModelRow>(_ type: Row.Type) throws -> RowTable<Row> {
    let id = ObjectIdentifier(type)
    for entry in entries where entry.type == id {
      // The entry with a row's type holds that row's table: `add` makes no others.
      return unsafeDowncast(entry.table, to: RowTable<Row>.self)
    }
    return try add(type)
  }

  /// The closures are made where the row's type is known, and are as fast as code for that type.
  @inlinable func add<Row: ReadModelRow>(_ type: Row.Type) throws -> RowTable<Row> {
    let table = RowTable<Row>(try storage?.table(Row.schema))
    entries.append(
      Entry(
        type: ObjectIdentifier(type), table: table, isShared: Row.schema.isShared,
        count: { table.slots.count },
        save: { try table.save() }, clear: { table.clear() },
        forgetChanges: { table.forgetChanges() },
        revertChanges: { table.revertChanges() }))
    return table
  }
}

/// A key that is another one where the database has two rows.
@usableFromInline struct ExactKey<Row: ReadModelRow>: Hashable {
  @usableFromInline let key: Row.Key

  @inlinable init(_ key: Row.Key) {
    self.key = key
  }

  @inlinable static func == (a: ExactKey, b: ExactKey) -> Bool { Row.isSame(a.key, b.key) }
  @inlinable func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// The rows of one table that have been asked for.
@usableFromInline final class RowTable<Row: ReadModelRow> {
  @usableFromInline struct Slot {
    @usableFromInline let key: Row.Key
    /// `nil` for a row that does not exist, or no longer.
    @usableFromInline var row: Row?
    @usableFromInline var isChanged = false
    /// Whether `row` is what there is: loaded, or put.
    @usableFromInline var isKnown: Bool

    @inlinable init(key: Row.Key, row: Row?, isKnown: Bool = true) {
      self.key = key
      self.row = row
      self.isKnown = isKnown
    }

    @inlinable mutating func replace(with row: Row?) {
      self.row = row
      (isKnown, isChanged) = (true, true)
    }
  }

  @usableFromInline let storage: (any TableStorage)?
  @usableFromInline var slots: [Slot] = []
  @usableFromInline var indexes: [ExactKey<Row>: Int] = [:]
  /// Slots as they were before each change, while changes are noted.
  @usableFromInline var changes: [(index: Int, before: Slot)] = []

  @inlinable init(_ storage: (any TableStorage)?) {
    self.storage = storage
  }

  /// Where the row with a key is kept, loaded if need be.
  @inlinable func slot(of key: Row.Key) throws -> Int {
    if let index = indexes[ExactKey(key)] {
      // One that was put, which was taken back.
      if !slots[index].isKnown { slots[index] = Slot(key: key, row: try load(key)) }
      return index
    }
    return add(Slot(key: key, row: try load(key)))
  }

  /// Where the row with a key is to be kept, whatever it was.
  @inlinable func slotToReplace(of key: Row.Key) -> Int {
    indexes[ExactKey(key)] ?? add(Slot(key: key, row: nil, isKnown: false))
  }

  @inlinable func load(_ key: Row.Key) throws -> Row? {
    try storage?.load(try Row.columns(of: key)).map { try Row(key: key, values: $0) }
  }

  @inlinable func add(_ slot: Slot) -> Int {
    slots.append(slot)
    indexes[ExactKey(slot.key)] = slots.count - 1
    return slots.count - 1
  }

  @inlinable func save() throws {
    guard let storage else { return }
    for index in slots.indices where slots[index].isChanged {
      try storage.save(try Row.columns(of: slots[index].key), try slots[index].row?.values)
      slots[index].isChanged = false
    }
  }

  @inlinable func clear() {
    slots.removeAll(keepingCapacity: true)
    indexes.removeAll(keepingCapacity: true)
    changes.removeAll()
  }

  @inlinable func forgetChanges() {
    changes.removeAll(keepingCapacity: true)
  }

  @inlinable func revertChanges() {
    for (index, before) in changes.reversed() { slots[index] = before }
    changes.removeAll(keepingCapacity: true)
  }
}

/// A database, as ``Rows`` see it.
public protocol RowStorage: AnyObject {
  /// A table of it.
  func table(_ schema: TableSchema) throws -> any TableStorage
}

/// A table of a database, as ``Rows`` see it.
public protocol TableStorage: AnyObject {
  /// The columns that are not the key, of the row with a key; `nil` where there is none.
  func load(_ key: [ColumnValue]) throws -> [ColumnValue]?

  /// Adds or replaces the row with a key, or deletes it where `values` is `nil`. It need not have been loaded.
  func save(_ key: [ColumnValue], _ values: [ColumnValue]?) throws
}
