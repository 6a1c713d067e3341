/// Which streams a view of a store has, and what it calls them.
package enum StreamNames: Sendable {
  /// All, by their whole names.
  case all
  /// Those of a category, by their ids.
  case category(StreamCategory)

  /// The name of a stream that is to have more events. Names with U+0000 are refused here alone: streams that have one from before
  /// can be read and removed.
  /// - Throws: `EventStoreError.invalid` where a stream can't have such a name.
  package func name(toAppendTo id: String) throws(EventStoreError) -> String {
    try id.checkNoZero("a stream id")
    return try name(of: id)
  }

  /// The name of a stream.
  /// - Throws: `EventStoreError.invalid` where a stream can't have such a name.
  package func name(of id: String) throws(EventStoreError) -> String {
    guard case .category(let category) = self else {
      guard !id.isEmpty, id.utf8.count <= 512 else {
        throw .invalid("a stream id has 1 to 512 bytes; '\(id.prefix(40))' has not")
      }
      return id
    }
    let name = category.streamName(of: id)
    guard !id.isEmpty, name.utf8.count <= 512 else {
      let most = 512 - category.streamName(of: "").utf8.count
      throw .invalid(
        "an id of the category '\(category)' has 1 to \(most) bytes; '\(id.prefix(40))' has not")
    }
    guard category.contains(stream: name) else {
      throw .invalid("an id of the unnamed category has no '/'; '\(id.prefix(40))' has")
    }
    return name
  }

  /// The entry that a record stands for in this view.
  package func entry<Codec: EventCodec>(
    _ record: EventRecord, decodedBy codec: Codec
  ) throws(EventStoreError) -> LogEntry<String, Codec.Event> {
    guard case .category(let category) = self else { return try record.entry(decodedBy: codec) }
    return try record.entry(decodedBy: CategoryCodec(codec, category: category)).named(in: category)
  }
}
