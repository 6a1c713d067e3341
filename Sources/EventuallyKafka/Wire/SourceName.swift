/// How records name their store in `ce_source`, which CloudEvents wants to be a URI reference (RFC 3986).
///
/// A store's id that is one, and has no `%`, stands as it is. Of any other id, all bytes but letters, digits, `-`, `.`, `_` and
/// `~` are percent-encoded. No two ids have the same name: names of the second kind have a `%`, those of the first none.
enum SourceName {
  /// The name of a store.
  static func uri(of storeID: String) -> String {
    let bytes = Array(storeID.utf8)
    guard !isReference(bytes) else { return storeID }
    let digits = Array("0123456789ABCDEF".utf8)
    var name: [UInt8] = []
    for byte in bytes {
      if isUnreserved(byte) {
        name.append(byte)
      } else {
        name += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
      }
    }
    return String(decoding: name, as: UTF8.self)
  }

  /// Whether bytes are a URI reference without percent-encoding.
  private static func isReference(_ bytes: [UInt8]) -> Bool {
    guard bytes.allSatisfy(isAllowed), bytes.count(where: { $0 == UInt8(ascii: "#") }) <= 1 else {
      return false
    }
    var rest = bytes[...]
    let segment = rest.prefix { !"/?#".utf8.contains($0) }
    if let colon = segment.firstIndex(of: UInt8(ascii: ":")) {
      // A colon in the first segment ends a scheme.
      let scheme = segment[..<colon]
      guard scheme.first.map(isLetter) ?? false,
        scheme.allSatisfy({ isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) })
      else { return false }
      rest = rest[(colon + 1)...]
    }
    return !rest.starts(with: "//".utf8)
      || isAuthority(rest.dropFirst(2).prefix { !"/?#".utf8.contains($0) })
  }

  /// `user@host:port`, of which the host alone must be there.
  private static func isAuthority(_ bytes: ArraySlice<UInt8>) -> Bool {
    let parts = bytes.split(
      separator: UInt8(ascii: "@"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count <= 2, let host = parts.last else { return false }
    let ends = host.split(
      separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
    return ends.count <= 2 && !ends[0].isEmpty && (ends.count == 1 || ends[1].allSatisfy(isDigit))
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    isUnreserved(byte) || ":/?#@!$&'()*+,;=".utf8.contains(byte)
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || "-._~".utf8.contains(byte)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
