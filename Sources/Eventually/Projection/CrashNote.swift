/// A ``CrashMark`` as a journal's file holds it: with a check byte (CRC-8, polynomial 07), by which a word in which bits have
/// changed is known.
package enum CrashNote {
  /// The check stands in place of the offset's upper byte: no partition comes to 2⁴⁸ events.
  private static let shift: UInt64 = 48
  private static let checkMask: UInt64 = 0xFF << shift

  /// The word for a mark; 0, which is no note, where the offset has no room.
  package static func word(_ mark: CrashMark) -> UInt64 {
    let word = mark.word
    guard mark.partitionOffset < 1 << shift else { return 0 }
    return word | UInt64(check(word)) << shift
  }

  /// The mark that a word stands for; `nil` for none, and for one that was damaged.
  package static func mark(_ word: UInt64) -> CrashMark? {
    let bare = word & ~checkMask
    guard UInt64(check(bare)) == (word & checkMask) >> shift else { return nil }
    return CrashMark(word: bare)
  }

  private static func check(_ word: UInt64) -> UInt8 {
    var check: UInt8 = 0
    for shift in stride(from: 56, through: 0, by: -8) {
      check = table[Int(check ^ UInt8(truncatingIfNeeded: word >> UInt64(shift)))]
    }
    return check
  }

  private static let table: [UInt8] = (0...255).map { index in
    (0..<8).reduce(UInt8(index)) { value, _ in
      value & 0x80 == 0 ? value << 1 : value << 1 ^ 0x07
    }
  }
}
