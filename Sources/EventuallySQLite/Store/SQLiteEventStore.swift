public import Eventually

/// An event store in a file: durable when an append returns, one writer process at a time, any number of readers.
public typealias SQLiteEventStore<Codec: EventCodec> = RecordEventStore<Codec>

extension RecordEventStore {
  /// Opens a store in a file as its writer, and creates it where there is none.
  ///
  /// One process at a time is a store's writer, on the machine that has the file; any number of processes may read it.
  /// - Parameters:
  ///   - path: the store's file, on a local disk.
  ///   - codec: encodes the events.
  ///   - options: how the store is opened.
  /// - Throws: `StoreOpenError` with the code `locked` where another process is its writer.
  @inlinable
  public convenience init(
    path: String, codec: Codec, options: EventStoreOptions = EventStoreOptions()
  ) throws(StoreOpenError) {
    try self.init(
      path: path, codec: codec,
      encoder: AppendEncoder(
        codec, limit: options.recordLimit, readsBack: options.readsBack),
      options: options)
  }

  @usableFromInline
  convenience init(
    path: String, codec: Codec, encoder: AppendEncoder<Codec.Event>, options: EventStoreOptions
  ) throws(StoreOpenError) {
    self.init(
      try SQLiteRecordStore(path: path, options: options), codec: codec, encoder: encoder,
      options: options)
  }
}
