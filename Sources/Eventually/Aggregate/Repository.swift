/// Something that loads, saves and removes the entities of one aggregate: for code that does not care in which store they are.
///
/// ```swift
/// struct Bank {
///   let accounts: any AggregateRepository<Account>
/// }
/// ```
public protocol AggregateRepository<Model>: Sendable {
  /// The aggregate.
  associatedtype Model: Aggregate

  /// The entity as it stands; a fresh root where it has no events.
  func get(_ id: Model.ID) async throws(RepositoryError) -> AggregateRoot<Model>

  /// Appends the root's unsaved events, all or none, and marks them as saved.
  @discardableResult
  func save(_ root: inout AggregateRoot<Model>) async throws(EventStoreError) -> AppendResult?

  /// Loads the entity, lets `body` have it handle commands, and saves what that led to; repeats all of it after conflicts.
  /// - Parameters:
  ///   - id: the entity's id.
  ///   - expected: the version that the entity must be at; `nil` for any. With one, a conflict is not repeated.
  ///   - attempts: how often at most.
  ///   - body: called once for each attempt, with the entity as it is then.
  /// - Throws: what `body` throws, or ``RepositoryError``: with ``EventStoreError/conflict(_:)`` where the entity is at another
  ///   version. Nothing is saved then.
  func update(
    _ id: Model.ID, expecting expected: Version?, attempts: Int,
    _ body: (inout AggregateRoot<Model>) async throws -> Void
  ) async throws -> (root: AggregateRoot<Model>, appended: AppendResult?)

  /// Loads the entity, lets it handle commands in order, all or none, and saves; repeats all of it after conflicts.
  /// - Parameters:
  ///   - commands: what the entity handles; events of one are applied before the next.
  ///   - id: the entity's id.
  ///   - expected: the version that the entity must be at; `nil` for any. With one, a conflict is not repeated.
  ///   - attempts: how often at most.
  /// - Throws: the aggregate's refusal, or ``RepositoryError``: with ``EventStoreError/conflict(_:)`` where the entity is at
  ///   another version. Nothing is saved then.
  func execute(
    _ commands: [Model.Command], on id: Model.ID, expecting expected: Version?, attempts: Int
  ) async throws -> (root: AggregateRoot<Model>, appended: AppendResult?)

  /// ``update(_:expecting:attempts:_:)`` once for a key: where an earlier request to the entity had it, nothing is decided or
  /// saved, and what came of that is returned.
  ///
  /// Whoever does not know whether a request was carried out sends it again, with its key, as often as is needed. A request that
  /// led to no event is repeated without an effect, too. Of one that was refused nothing is kept: it is decided anew.
  /// - Parameters:
  ///   - id: the entity's id.
  ///   - expected: the version that the entity must be at when the first request with the key is carried out; `nil` for any.
  ///   - idempotencyKey: names the request.
  ///   - attempts: how often at most.
  ///   - body: called once for each attempt, with the entity as it is then.
  /// - Throws: what is thrown without a key, and ``RepositoryError`` with ``EventStoreError/keyReused(_:)`` where the key came with
  ///   another request before.
  func update(
    _ id: Model.ID, expecting expected: Version?, idempotencyKey: IdempotencyKey, attempts: Int,
    _ body: (inout AggregateRoot<Model>) async throws -> Void
  ) async throws -> IdempotentResult

  /// What came of the request to an entity that had a key; `nil` where none had. Whoever reads the entity and decides something by itself,
  /// before it has commands handled with a key, asks this first.
  /// - Throws: ``RepositoryError`` with ``EventStoreError/keyReused(_:)`` where it was another request.
  func result(
    of idempotencyKey: IdempotencyKey, on id: Model.ID
  ) async throws(RepositoryError) -> IdempotentResult?

  /// Erases the entity's stream for good, without decoding its events.
  /// - Parameters:
  ///   - id: the entity.
  ///   - expected: the version that the entity must be at; `nil` for any.
  /// - Returns: where the removal is; `nil` where there were no events.
  /// - Throws: ``EventStoreError/conflict(_:)`` where the entity is at another version.
  @discardableResult
  func remove(
    _ id: Model.ID, expecting expected: Version?
  ) async throws(EventStoreError) -> EventPosition?
}

extension AggregateRepository {
  /// Erases the entity's stream for good, at whatever version it is.
  /// - Returns: where the removal is; `nil` where there were no events.
  @discardableResult
  public func remove(_ id: Model.ID) async throws(EventStoreError) -> EventPosition? {
    try await remove(id, expecting: nil)
  }

  /// The same, at most eight times.
  public func execute(
    _ commands: [Model.Command], on id: Model.ID, expecting expected: Version? = nil
  ) async throws -> (root: AggregateRoot<Model>, appended: AppendResult?) {
    try await execute(commands, on: id, expecting: expected, attempts: 8)
  }

  /// Lets the entity handle commands once for a key: see ``update(_:expecting:idempotencyKey:attempts:_:)``.
  public func execute(
    _ commands: [Model.Command], on id: Model.ID, expecting expected: Version?,
    idempotencyKey: IdempotencyKey, attempts: Int
  ) async throws -> IdempotentResult {
    try await update(id, expecting: expected, idempotencyKey: idempotencyKey, attempts: attempts) {
      root in
      for command in commands { try await root.handle(command) }
    }
  }

  /// Once for a key, at most eight times.
  public func execute(
    _ commands: [Model.Command], on id: Model.ID, expecting expected: Version? = nil,
    idempotencyKey: IdempotencyKey
  ) async throws -> IdempotentResult {
    try await execute(
      commands, on: id, expecting: expected, idempotencyKey: idempotencyKey, attempts: 8)
  }

  /// The same at any version.
  public func execute(
    _ commands: [Model.Command], on id: Model.ID, attempts: Int
  ) async throws -> (root: AggregateRoot<Model>, appended: AppendResult?) {
    try await execute(commands, on: id, expecting: nil, attempts: attempts)
  }
}

/// Loads, saves and removes aggregates by way of an event store.
///
/// After the Rust crate's `Repository`. Saving is optimistic: a root that somebody else has changed since it
/// was loaded is refused with ``EventStoreError/conflict(_:)``; load it again and repeat the command.
public struct Repository<Model: Aggregate, Store: EventStore>: AggregateRepository
where Store.StreamID == Model.ID, Store.Event == Model.Event {
  /// The store that holds the aggregates' streams.
  public let store: Store
  private let builder: AggregateRootBuilder<Model>
  private let snapshots: Snapshots<Model.State, Model.ID>?

  /// A repository of `model`'s entities in `store`.
  /// - Parameters:
  ///   - model: decides on commands and applies events.
  ///   - store: holds the streams.
  ///   - snapshots: how states are kept, so that long streams need not be read whole; `nil` for not at all.
  public init(
    _ model: Model, store: Store, snapshots: Snapshots<Model.State, Model.ID>? = nil
  ) {
    self.builder = AggregateRootBuilder(model)
    self.store = store
    self.snapshots = snapshots
  }

  /// The entity as it stands after the events in the store; a fresh root where there are none.
  ///
  /// - Throws: ``RepositoryError/store(_:)`` where the stream can't be read, and
  ///   ``RepositoryError/unappliable(version:cause:)`` where an event does not fit the state.
  public func get(_ id: Model.ID) async throws(RepositoryError) -> AggregateRoot<Model> {
    if let snapshots, let (state, snapshot) = await snapshots.load(id) {
      var root = builder.build(id: id, state: state, version: snapshot.version)
      root.snapshotVersion = snapshot.version
      do throws(RepositoryError) {
        if try await replay(into: &root, after: snapshot) { return root }
      } catch .unappliable(let version, let cause) {
        // The state may be at fault, not the event: all events tell.
        snapshots.failed(RepositoryError.unappliable(version: version, cause: cause))
      }
    }
    var root = builder.build(id: id)
    _ = try await replay(into: &root, after: nil)
    return root
  }

  /// Applies the events that the store holds after a snapshot, or all.
  /// - Returns: whether the snapshot is one of this stream as it is now.
  private func replay(
    into root: inout AggregateRoot<Model>, after snapshot: Snapshot?
  ) async throws(RepositoryError) -> Bool {
    var isOfStream = snapshot == nil
    var last: UInt64 = 0
    do {
      // From the snapshot's own event on: where that is another one, the stream was removed and begun anew.
      for try await persisted in store.stream(root.id, .from(max(root.version, 1))) {
        if !isOfStream {
          guard persisted.version == snapshot?.version,
            persisted.position.sequenceNumber == snapshot?.sequenceNumber
          else { return false }
          isOfStream = true
          root.found(at: persisted.position)
          continue
        }
        do {
          try root.replay(persisted.event, at: persisted.position)
        } catch {
          throw RepositoryError.unappliable(version: persisted.version, cause: error)
        }
        last = persisted.position.sequenceNumber
      }
    } catch let error as RepositoryError {
      throw error
    } catch let error as EventStoreError {
      throw .store(error)
    } catch {
      throw .store(.unavailable("the stream could not be read", cause: error))
    }
    if isOfStream { await keep(&root, at: last) }
    return isOfStream
  }

  /// Keeps a snapshot of a root without unsaved events, where one is due.
  private func keep(_ root: inout AggregateRoot<Model>, at sequenceNumber: UInt64) async {
    guard let snapshots else { return }
    let isKept = await snapshots.saveWhereDue(
      root.state, of: root.id, at: root.version, sequenceNumber: sequenceNumber,
      last: root.snapshotVersion)
    if isKept { root.snapshotVersion = root.version }
  }

  /// Appends the root's unsaved events, all or none, and marks them as saved.
  ///
  /// - Returns: where the last of them is; `nil` where there was nothing to save.
  /// - Throws: ``EventStoreError/conflict(_:)`` where the stream is no longer at the root's version.
  @discardableResult
  public func save(
    _ root: inout AggregateRoot<Model>
  ) async throws(EventStoreError) -> AppendResult? {
    guard !root.uncommitted.isEmpty else { return nil }
    let appended = try await store.append(
      root.uncommitted, to: root.id, expecting: .exact(root.version))
    root.committed(at: appended.last)
    await keep(&root, at: appended.last.sequenceNumber)
    return appended
  }

  /// Loads the entity, lets it handle `commands` in order, and saves; repeats all of it where somebody
  /// else was faster, at most `attempts` times.
  ///
  /// - Returns: the root after the commands, and where its last new event is.
  /// - Throws: the aggregate's refusal, or ``RepositoryError``: with ``EventStoreError/conflict(_:)`` at once where the entity
  ///   is not at the version that is expected. Nothing is saved then.
  public func execute(
    _ commands: [Model.Command], on id: Model.ID, expecting expected: Version?, attempts: Int
  ) async throws -> (root: AggregateRoot<Model>, appended: AppendResult?) {
    try await update(id, expecting: expected, attempts: attempts) { root in
      for command in commands { try await root.handle(command) }
    }
  }

  /// Loads the entity, lets `body` have it handle commands, and saves; repeats all of it where somebody else was faster, at most
  /// `attempts` times.
  ///
  /// - Returns: the root after that, and where its last new event is.
  /// - Throws: what `body` throws, or ``RepositoryError``: with ``EventStoreError/conflict(_:)`` at once where the entity is not at
  ///   the version that is expected. Nothing is saved then.
  public func update(
    _ id: Model.ID, expecting expected: Version?, attempts: Int,
    _ body: (inout AggregateRoot<Model>) async throws -> Void
  ) async throws -> (root: AggregateRoot<Model>, appended: AppendResult?) {
    var attempt = 1
    while true {
      var root = try await decide(id, expecting: expected, body)
      do {
        let appended = try await save(&root)
        return (root, appended)
      } catch .conflict(let conflict) {
        guard expected == nil, attempt < attempts else {
          throw RepositoryError.store(.conflict(conflict))
        }
        attempt += 1
      } catch {
        throw RepositoryError.store(error)
      }
    }
  }

  /// The root after what `body` has it handle, which is not saved yet.
  private func decide(
    _ id: Model.ID, expecting expected: Version?,
    _ body: (inout AggregateRoot<Model>) async throws -> Void
  ) async throws -> AggregateRoot<Model> {
    var root = try await get(id)
    if let expected, root.version != expected {
      throw RepositoryError.store(
        .conflict(VersionConflict(streamID: "\(id)", expected: expected, actual: root.version)))
    }
    try await body(&root)
    return root
  }

  /// Loads, handles and saves as without a key, unless an earlier request to the entity had the key.
  public func update(
    _ id: Model.ID, expecting expected: Version?, idempotencyKey: IdempotencyKey, attempts: Int,
    _ body: (inout AggregateRoot<Model>) async throws -> Void
  ) async throws -> IdempotentResult {
    // Not only in the append: the state that the first request led to may refuse the second.
    if let first = try await result(of: idempotencyKey, on: id) { return first }
    var attempt = 1
    while true {
      var root: AggregateRoot<Model>
      do {
        root = try await decide(id, expecting: expected, body)
      } catch {
        // The same request may have been carried out meanwhile.
        if let first = try await result(of: idempotencyKey, on: id) { return first }
        throw error
      }
      do throws(EventStoreError) {
        let result = try await store.append(
          root.uncommitted, to: id, expecting: .exact(root.version), idempotencyKey: idempotencyKey)
        if !result.isRepetition, !root.uncommitted.isEmpty, let last = result.last {
          root.committed(at: last)
          await keep(&root, at: last.sequenceNumber)
        }
        return result
      } catch {
        guard case .conflict = error, expected == nil, attempt < attempts else {
          throw RepositoryError.store(error)
        }
        attempt += 1
      }
    }
  }

  /// What came of the request to an entity that had a key.
  public func result(
    of idempotencyKey: IdempotencyKey, on id: Model.ID
  ) async throws(RepositoryError) -> IdempotentResult? {
    do {
      return try await store.result(of: idempotencyKey, on: id)
    } catch {
      throw .store(error)
    }
  }

  /// Erases the entity's stream for good; see ``EventStore/remove(_:expecting:)``.
  @discardableResult
  public func remove(
    _ id: Model.ID, expecting expected: Version?
  ) async throws(EventStoreError) -> EventPosition? {
    try await store.remove(id, expecting: expected.map { .exact($0) } ?? .any)
  }
}

/// Why an aggregate could not be loaded or saved.
public enum RepositoryError: Error, Sendable, CustomStringConvertible {
  /// The store refused or failed.
  case store(EventStoreError)
  /// The event at `version` does not fit the state that the events before it lead to.
  case unappliable(version: Version, cause: any Error)

  /// The message.
  public var description: String {
    switch self {
    case .store(let error): error.description
    case .unappliable(let version, let cause):
      "the stream's event at version \(version) can't be applied: \(cause)"
    }
  }
}
