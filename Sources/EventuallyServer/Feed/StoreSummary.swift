package import Eventually

/// What a store is and where it stands.
package struct StoreSummary: Sendable, Equatable {
  package var storeID: String
  package var partitionCount: Partition
  /// The last partition offset of each partition.
  package var heads: [UInt64]
  /// The last sequence number.
  package var head: UInt64
  /// The sequence number up to which the broker has acknowledged everything.
  package var published: UInt64

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("storeId")
    json.string(storeID)
    json.key("partitions")
    json.integer(partitionCount)
    json.key("head")
    json.integer(head)
    json.key("published")
    json.integer(published)
    json.key("heads")
    json.beginArray()
    for head in heads { json.integer(head) }
    json.endArray()
    json.endObject()
  }
}

extension StoreSummary {
  /// What a writer says of its store.
  package init(from endpoint: HTTPEndpoint) async throws {
    let body = try await endpoint.get("/store")
    try self.init(json: body.span)
  }

  package init(json bytes: Span<UInt8>) throws {
    var reader = JSONReader(bytes)
    self.init(storeID: "", partitionCount: 0, heads: [], head: 0, published: 0)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "storeId") {
        storeID = try reader.string()
      } else if reader.isKey(key, "partitions") {
        partitionCount = Partition(truncatingIfNeeded: try reader.integer())
      } else if reader.isKey(key, "head") {
        head = UInt64(clamping: try reader.integer())
      } else if reader.isKey(key, "published") {
        published = UInt64(clamping: try reader.integer())
      } else if reader.isKey(key, "heads") {
        try reader.beginArray()
        while try reader.nextElement() { heads.append(UInt64(clamping: try reader.integer())) }
      } else {
        try reader.skip()
      }
    }
    guard !storeID.isEmpty, partitionCount > 0, heads.count == Int(partitionCount) else {
      throw InvalidMember("store", "lacks a part")
    }
  }
}
