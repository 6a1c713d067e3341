import Digests
import Eventually
import Foundation

/// A record's content in the one form that is signed, whoever has it: `eventually-record-1`, the partition, the values of
/// all headers but `ce_mac` and `ce_subject` in the order of ``WireHeader``, the key and the value. Each is preceded by its length, four
/// bytes with the largest first, all ones for nothing at all; so no two records have the same form.
///
/// A placeholder's begins with `eventually-placeholder-1` instead, and the value of `ce_placeholder` comes after those of the
/// other headers.
///
/// The value is not copied: its length ends the form, and its bytes follow where they are.
struct CanonicalRecord {
  private(set) var bytes: [UInt8] = []

  mutating func begin(_ partition: Partition, isPlaceholder: Bool = false) {
    bytes.removeAll(keepingCapacity: true)
    let name: StaticString = isPlaceholder ? "eventually-placeholder-1" : "eventually-record-1"
    name.withUTF8Buffer { bytes.append(contentsOf: $0) }
    append(UInt32(bitPattern: partition))
  }

  /// Appends a header's value, or the key.
  mutating func append(_ part: UnsafeRawBufferPointer?) {
    appendLength(part?.count)
    if let part { bytes.append(contentsOf: part) }
  }

  /// Appends the length of what follows, `nil` for nothing at all.
  mutating func appendLength(_ length: Int?) {
    append(length.map { UInt32(truncatingIfNeeded: $0) } ?? .max)
  }

  private mutating func append(_ number: UInt32) {
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

/// Signs records and verifies them: the header `ce_mac` holds HMAC-SHA256 of a ``CanonicalRecord`` in hexadecimal.
struct RecordSigner {
  /// One for each key, which it has hashed already: a copy of it goes on with the record.
  private let keyed: [HMACSHA256]
  /// The form of the record at hand; kept for its memory.
  var record = CanonicalRecord()

  /// How many bytes the header has.
  static let size = 64

  init(_ keys: TopicKeys) {
    keyed = keys.keys.map { HMACSHA256(key: SymmetricKey(data: $0)) }
  }

  /// Appends the header of ``record`` with its value.
  func sign(_ value: UnsafeRawBufferPointer?, into bytes: inout [UInt8]) {
    code(keyed[0], value).withUnsafeBytes { code in
      for byte in code {
        bytes.append(Self.digit(byte >> 4))
        bytes.append(Self.digit(byte & 0xF))
      }
    }
  }

  /// Whether a header is that of ``record`` with its value, under any of the keys. How long that takes does not tell
  /// where they differ.
  func verify(_ header: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) -> Bool {
    guard header.count == Self.size else { return false }
    for key in keyed {
      let isEqual = code(key, value).withUnsafeBytes { code in
        var difference: UInt8 = 0
        for (index, byte) in code.enumerated() {
          difference |= header[2 * index] ^ Self.digit(byte >> 4)
          difference |= header[2 * index + 1] ^ Self.digit(byte & 0xF)
        }
        return difference == 0
      }
      if isEqual { return true }
    }
    return false
  }

  private func code(
    _ keyed: HMACSHA256, _ value: UnsafeRawBufferPointer?
  ) -> HMACSHA256.MAC {
    var code = keyed
    record.bytes.withUnsafeBytes { code.update(data: $0) }
    if let value, !value.isEmpty { code.update(data: value) }
    return code.finalize()
  }

  /// Without a table, whose cache would tell what was looked up.
  private static func digit(_ value: UInt8) -> UInt8 {
    value &+ 0x30 &+ ((9 &- value) >> 7) &* 0x27
  }
}

extension RecordSigner {
  /// Whether a record's header is that of its content.
  mutating func verify(_ message: borrowing WireMessage) -> Bool {
    message.isVerified(by: &self)
  }
}
