public import Eventually

/// An event store in a PostgreSQL database: durable when an append returns, any number of writers and readers, on any hosts.
public typealias PostgresEventStore<Codec: EventCodec> = RecordEventStore<Codec>

extension RecordEventStore {
  /// Opens a store in a PostgreSQL database as one of its writers. Where there is none, it is made, if the role may do that:
  /// ``PostgresSchema``.
  /// - Parameters:
  ///   - url: the database: `postgres://…`, or `key=value` pairs; what it leaves out is taken from libpq's variables and files.
  ///   - codec: encodes the events.
  ///   - options: how the store is opened; at most 512 events, or about 4 MiB, go into one transaction.
  ///   - database: where in the database the store is.
  /// - Throws: `StoreOpenError`.
  @inlinable
  public convenience init(
    postgres url: String, codec: Codec, options: EventStoreOptions = EventStoreOptions(),
    database: PostgresStoreOptions = PostgresStoreOptions()
  ) async throws(StoreOpenError) {
    try await self.init(
      postgres: url, codec: codec,
      encoder: AppendEncoder(
        codec, limit: options.recordLimit, readsBack: options.readsBack),
      options: options, database: database)
  }

  @usableFromInline
  convenience init(
    postgres url: String, codec: Codec, encoder: AppendEncoder<Codec.Event>,
    options: EventStoreOptions, database: PostgresStoreOptions
  ) async throws(StoreOpenError) {
    self.init(
      try await PostgresRecordStore.open(url: url, options: options, database: database),
      codec: codec, encoder: encoder, options: options)
  }
}
