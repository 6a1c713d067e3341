package import Eventually

/// A savepoint in a database: a copy of a read model as it stood at one moment, rows and positions, in a schema of its own.
package struct PostgresSavepoint: Sendable, Hashable {
  /// Its name.
  package var name: String
  /// The schema of its tables.
  package var schema: String
  /// The version of its tables.
  package var schemaVersion: Int
  /// The version of the tables beside the read model's own.
  var layout: Int
  /// The store that it is of.
  package var storeID: String
  /// When it was saved.
  package var saved: Timestamp
  /// Whether a worker saved it by itself.
  package var isAutomatic: Bool
  /// How far each partition was.
  package var positions: [Partition: UInt64]
  /// The sequence number of the newest event in it; others before it may be missing, of partitions that lagged.
  package var sequenceNumber: UInt64
  /// How many rows it has.
  package var rows: Int
  /// The digest of its rows.
  package var digest: String
  /// The digest of its other tables.
  var seal: String

  /// How many events are in it.
  package var events: UInt64 { positions.values.reduce(0, +) }

  /// Whether it has nothing of a partition that comes after a position there.
  package func isAtOrBefore(_ heads: [UInt64]) -> Bool {
    positions.allSatisfy { partition, position in
      Int(partition) < heads.count ? position <= heads[Int(partition)] : position == 0
    }
  }
}
