/// What an event's row holds once the event is erased: zeros, and as many bytes as before.
///
/// SQLite overwrites a record in its place where the new one has the same size. Where it has another, SQLite may merge
/// pages, and moves other events' rows for that: their copies would stay in the free part of a page, where no later
/// erasure finds them.
struct ErasedRow: Equatable {
  /// How many zeros the payload has.
  var payload: Int
  /// How many zeros the metadata has; `nil` for no value.
  var metadata: Int?

  /// What takes the place of an event of which the columns have so many bytes. Its type becomes empty.
  init(type: Int, payload: Int, metadata: Int?) {
    // An empty type and no metadata take one byte each of the record's header.
    let left = Self.size(type: type, payload: payload, metadata: metadata) - 2
    if let zeros = Self.blob(filling: left) {
      self.payload = zeros
      self.metadata = nil
    } else {
      // One byte more in the payload would take one more in the header too: the metadata takes it.
      self.payload = Self.blob(filling: left - 1) ?? 0
      self.metadata = 1
    }
  }

  /// The length of the blob that takes so many bytes of a record, with its type in the header; `nil` where none does.
  private static func blob(filling bytes: Int) -> Int? {
    for width in 1...9 {
      let zeros = bytes - width
      if zeros >= 0, Self.width(ofBlob: zeros) == width { return zeros }
    }
    return nil
  }

  /// How many bytes the columns take of a record: their types in its header, and their contents.
  static func size(type: Int, payload: Int, metadata: Int?) -> Int {
    var size = width(2 * type + 13) + type + width(ofBlob: payload) + payload
    if let metadata { size += width(ofBlob: metadata) + metadata } else { size += 1 }
    return size
  }

  private static func width(ofBlob bytes: Int) -> Int { width(2 * bytes + 12) }

  /// How many bytes a number takes in a record's header: seven bits each.
  private static func width(_ number: Int) -> Int {
    var width = 1
    var left = number >> 7
    while left > 0 {
      width += 1
      left >>= 7
    }
    return width
  }
}
