package import Eventually
import Foundation

/// Where in a database a store is, and how a process works with it.
public struct PostgresStoreOptions: Sendable, Hashable {
  /// The schema's name.
  public var schema = "eventually"
  /// How many connections are made for reading at most, as they are needed; four more are made for what else a writer does.
  public var connections = 4
  /// The database's address as the owner of the schema, who may clean its tables after removals (`VACUUM`); `nil` where the role that
  /// the writer connects as may.
  public var owner: String?
  /// What the process is called where others ask who publishes the store.
  public var holder =
    "\(ProcessInfo.processInfo.hostName), process \(ProcessInfo.processInfo.processIdentifier)"

  /// Times of the relay's lease.
  package var relay = RelayLease.Timing()

  /// The defaults.
  public init() {}
}
