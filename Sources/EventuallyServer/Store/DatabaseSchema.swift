package import Eventually
import EventuallyPostgres

/// Makes schemas in a database as their owner, for an application whose role may not.
package enum DatabaseSchema {
  /// Makes the event store's schema, or brings it up to date.
  /// - Parameter application: the role of writers and readers; `nil` where they connect as the owner.
  /// - Throws: ``Failure`` where the store is a file, `StoreOpenError` where it can't be done.
  package static func install(
    store: StoreLocation, partitions: Partition?, application: String?
  ) async throws {
    guard case .postgres(let url) = store else {
      throw Failure("the store \(store) is a file: its writer makes it")
    }
    try await PostgresSchema.install(url: url, partitions: partitions, application: application)
  }

  /// Makes the catalog of read models, or brings it up to date.
  /// - Parameter application: the role of workers and queries; `nil` where they connect as the owner.
  /// - Throws: ``Failure`` where read models are in a folder, `ReadModelError` where it can't be done.
  package static func install(
    readModels: ReadModelLocation, application: String?
  ) async throws {
    guard case .postgres(let url) = readModels else {
      throw Failure("the read models in \(readModels) are files: workers make them")
    }
    try await PostgresReadModels.install(url, application: application)
  }
}
