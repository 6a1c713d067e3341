package import Eventually

/// A store in a database that is moved. It has the relay's lease, so that nothing is published meanwhile; appends are refused from
/// the mark on.
package final class PostgresCopySource: CopySource {
  package let contents: any StoreContents
  package let location: String
  private let log: PostgresEventLog
  private let lease: PostgresRelayLease
  private let term: RelayTerm

  /// - Parameters:
  ///   - url: the database, as the schema's owner.
  ///   - schema: the schema's name.
  /// - Throws: `StoreOpenError` with the code `StoreOpenError.Code.locked` while a relay publishes.
  package init(url: String, schema: String = "eventually") async throws(StoreOpenError) {
    let address = PostgresAddress(url)
    location = address.location(schema: schema)
    log = try await PostgresEventLog(address, address.writing, schema: schema, connections: 2)
    contents = PostgresStoreContents(postgres: log)
    lease = PostgresRelayLease(
      parameters: address.writing, schema: schema, holder: "a command that moves the store",
      server: log.reader.server)
    do {
      switch try await lease.claimRelay(for: .seconds(3)) {
      case .held(let holder):
        throw StoreOpenError.locked(at: address.location, owner: holder.name)
      case .granted(let epoch): await lease.releaseRelay(epoch)
      }
      term = try await RelayTerm.acquire(from: lease) { _ in }
    } catch {
      await lease.close()
      await log.close()
      throw .failed(address.location, error)
    }
  }

  package func movedTo() async throws(EventStoreError) -> String? {
    let rows = try await run(
      [PostgresStatement("SELECT copied_to FROM store")], "look where the store was moved to")
    do {
      return rows[0].isNull(0, 0) ? nil : try rows[0].text(0, 0)
    } catch {
      throw .failed(location, .read, error)
    }
  }

  /// Appends that have begun come before the mark.
  package func setMoved(to location: String?) async throws(EventStoreError) {
    _ = try await run(
      [
        PostgresStatement("SELECT FROM append_lock FOR UPDATE"),
        PostgresStatement(
          "UPDATE store SET copied_to = $1", location.map { .text($0) } ?? .null),
      ], "note where the store is moved to")
  }

  private func run(
    _ statements: [PostgresStatement], _ operation: String
  ) async throws(EventStoreError) -> [PostgresRows] {
    do {
      return try await log.reader.pool.run(statements, operation)
    } catch {
      throw .failed(location, .write, error)
    }
  }

  package func close() async {
    await term.release()
    await lease.close()
    await log.close()
  }
}

extension PostgresAddress {
  /// Where the store is in the database, too.
  func location(schema: String) -> String {
    schema == "eventually" ? location : "\(location), schema \(schema)"
  }
}
