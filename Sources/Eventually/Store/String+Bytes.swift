extension String {
  /// Whether two strings have the same UTF-8, which `==` does not ask for.
  @inlinable public func hasSameBytes(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    let same = utf8.withContiguousStorageIfAvailable { a in
      other.utf8.withContiguousStorageIfAvailable { b in Self.isSame(a, b) }
    }
    return (same ?? nil) ?? utf8.elementsEqual(other.utf8)
  }

  /// Eight bytes at a time: what is compared here are keys, in the innermost loops.
  @inlinable static func isSame(
    _ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    let (a, b) = (UnsafeRawBufferPointer(a), UnsafeRawBufferPointer(b))
    var index = 0
    while index + 8 <= a.count {
      guard
        a.loadUnaligned(fromByteOffset: index, as: UInt64.self)
          == b.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      else { return false }
      index += 8
    }
    while index < a.count {
      if a[index] != b[index] { return false }
      index += 1
    }
    return true
  }

  /// Makes sure that the text has no U+0000: not each database has text with it, and a store can be copied to any other.
  /// - Parameter what: what the text is, such as `a stream id`.
  /// - Throws: ``EventStoreError/invalid(_:)`` where it has.
  func checkNoZero(_ what: String) throws(EventStoreError) {
    guard !utf8.contains(0) else { throw .invalid("\(what) has no U+0000; this one has") }
  }
}
