/// Why a store can't be opened.
///
/// What to do about it depends on the ``code``, which can be compared:
///
/// ```swift
/// do {
///   log = try SQLiteEventLog(path: path)
/// } catch let error where error.isOne(of: .empty, .older) {
///   // A writer is about to make the store, or to bring it up to date.
/// }
/// ```
///
/// Beside calls that throw something else it is `catch let error as StoreOpenError where …`. Several conditions with `||` in
/// such a clause, and several enumeration cases, end the Swift 6.3.1 compiler.
public struct StoreOpenError: Error, Sendable, CustomStringConvertible {
  /// The kinds of reasons.
  public enum Code: Sendable, Hashable, CaseIterable {
    /// Another process is the store's writer.
    case locked
    /// The file system has no locks that hold: two writers could damage the store.
    case noLocks
    /// The file or schema belongs to something else.
    case notAStore
    /// There is nothing in the file or schema yet: a writer may be just about to make the store.
    case empty
    /// The store was written by a newer version of the code.
    case newer
    /// The store was written by an older version of the code, and its writer has not brought it up to date yet.
    case older
    /// The store was created with another number of partitions.
    case partitionCount
    /// The file or the tables are not what the writer wrote.
    case damaged
    /// The store was moved to another place: it is read, and not written any more.
    case moved
    /// The store is a copy that is not whole.
    case unfinished
    /// The store can't be opened at all.
    case unreadable
  }

  /// The kind of reason.
  public let code: Code
  /// Where the store is: its file's path, or its address without the password.
  public let location: String
  /// The process that is the store's writer, as it says of itself; `nil` unless the store is ``Code/locked``.
  public let owner: String?
  /// Where the store was moved to; `nil` unless it is ``Code/moved``.
  public let destination: String?
  /// What was found, and what was asked for: schema versions, or numbers of partitions; `nil` for other reasons.
  public let found, expected: Int64?
  /// What the system or the database said; `nil` unless the store is ``Code/unreadable`` or ``Code/damaged``, or has ``Code/noLocks``.
  public let cause: (any Error)?
  /// What to do about it, where the kind of database tells.
  private let advice: String?

  private init(
    _ code: Code, _ location: String, owner: String? = nil, destination: String? = nil,
    found: Int64? = nil, expected: Int64? = nil, cause: (any Error)? = nil, advice: String? = nil
  ) {
    self.code = code
    self.location = location
    self.owner = owner
    self.destination = destination
    self.found = found
    self.expected = expected
    self.cause = cause
    self.advice = advice
  }

  package static func locked(at location: String, owner: String) -> StoreOpenError {
    StoreOpenError(.locked, location, owner: owner)
  }

  package static func noLocks(at location: String, cause: (any Error)?) -> StoreOpenError {
    StoreOpenError(.noLocks, location, cause: cause)
  }

  package static func notAStore(at location: String) -> StoreOpenError {
    StoreOpenError(.notAStore, location)
  }

  package static func empty(at location: String) -> StoreOpenError {
    StoreOpenError(.empty, location)
  }

  package static func newer(at location: String, version: Int64, expected: Int64) -> StoreOpenError
  {
    StoreOpenError(.newer, location, found: version, expected: expected)
  }

  package static func older(at location: String, version: Int64, expected: Int64) -> StoreOpenError
  {
    StoreOpenError(.older, location, found: version, expected: expected)
  }

  package static func partitionCount(
    at location: String, asked: Partition, actual: Partition
  ) -> StoreOpenError {
    StoreOpenError(.partitionCount, location, found: Int64(actual), expected: Int64(asked))
  }

  package static func damaged(
    at location: String, cause: any Error, advice: String? = nil
  ) -> StoreOpenError {
    StoreOpenError(.damaged, location, cause: cause, advice: advice)
  }

  package static func moved(at location: String, to destination: String) -> StoreOpenError {
    StoreOpenError(.moved, location, destination: destination)
  }

  package static func unfinished(at location: String) -> StoreOpenError {
    StoreOpenError(.unfinished, location)
  }

  package static func unreadable(at location: String, cause: any Error) -> StoreOpenError {
    StoreOpenError(.unreadable, location, cause: cause)
  }

  /// Whether the reason is of one of some kinds.
  public func isOne(of codes: Code...) -> Bool { codes.contains(code) }

  /// What ``location`` is.
  private var place: String { location.contains("://") ? "database" : "path" }

  /// What is wrong, and what to do.
  public var description: String {
    let (found, expected) = (found ?? 0, expected ?? 0)
    return switch code {
    case .locked:
      "the store \(location) already has a writer (\(owner ?? "unknown process")): stop that one first, "
        + "or send commands to it over HTTP"
    case .noLocks:
      "the file system of \(location) has no working locks\(cause.map { " (\($0))" } ?? ""), so that two writers could "
        + "damage the store: put it on a local disk"
    case .notAStore:
      "\(location) is not an event store: name another \(place)"
    case .empty:
      "\(location) is empty: start the store's writer, or name another \(place)"
    case .newer:
      "the store \(location) has schema version \(found), newer than this program's \(expected): run the newer program"
    case .older:
      "the store \(location) has schema version \(found), older than this program's \(expected): start this program's "
        + "writer on it, which brings it up to date"
    case .partitionCount:
      "the store \(location) was created with \(found) partitions, not \(expected): the number can't "
        + "change; leave it out, or create a new store"
    case .damaged:
      "the store \(location) is damaged\(cause.map { " (\($0))" } ?? ""): "
        + (advice ?? "put a backup in its place")
    case .moved:
      "the store \(location) was moved to \(destination ?? "another place"), or is about to be, and takes no appends: use that "
        + "one; the command copy-store goes on with what was stopped, and undoes it"
    case .unfinished:
      "\(location) is an unfinished copy of a store: run the command copy-store again, or delete it"
    case .unreadable:
      "the store \(location) can't be opened\(cause.map { ": \($0)" } ?? "")"
    }
  }
}
