/// A savepoint: a copy of a read model as it stood at one moment, rows and positions.
public struct Savepoint: Sendable, Hashable {
  /// Its name.
  public var name: String
  /// Where it is: a file's path, or a schema's name.
  public var location: String
  /// The version of its tables.
  public var schemaVersion: Int
  /// The store that it is of.
  public var storeID: String
  /// When it was saved.
  public var saved: Timestamp
  /// Whether a worker saved it by itself.
  public var isAutomatic: Bool
  /// How far each partition was.
  public var positions: [Partition: UInt64]
  /// The sequence number of the newest event in it; others before it may be missing, of partitions that lagged.
  public var sequenceNumber: UInt64
  /// How many rows it has.
  public var rows: Int
  /// The digest of its rows.
  public var digest: String

  /// A savepoint from its parts.
  public init(
    name: String, location: String, schemaVersion: Int, storeID: String, saved: Timestamp,
    isAutomatic: Bool, positions: [Partition: UInt64], sequenceNumber: UInt64, rows: Int,
    digest: String
  ) {
    self.name = name
    self.location = location
    self.schemaVersion = schemaVersion
    self.storeID = storeID
    self.saved = saved
    self.isAutomatic = isAutomatic
    self.positions = positions
    self.sequenceNumber = sequenceNumber
    self.rows = rows
    self.digest = digest
  }

  /// How many events are in it.
  public var events: UInt64 { positions.values.reduce(0, +) }

  /// Whether it has nothing of a partition that comes after a position there.
  public func isAtOrBefore(_ heads: [UInt64]) -> Bool {
    positions.allSatisfy { partition, position in
      Int(partition) < heads.count ? position <= heads[Int(partition)] : position == 0
    }
  }

  /// Whether a name can be a savepoint's. Numbers, times and `zero` can't: they say other things to a replay.
  public static func isValid(name: String) -> Bool {
    let allowed = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return allowed && (1...64).contains(name.utf8.count) && name != "zero"
      && !name.hasPrefix(".") && !name.utf8.allSatisfy { (0x30...0x39).contains($0) }
      && Timestamp(name) == nil && Timestamp("\(name)T00:00:00Z") == nil
  }
}
