import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

/// A way in which a file is damaged.
enum Damage: Sendable, Hashable, CustomStringConvertible {
  /// It ends after so many bytes.
  case truncated(Int)
  /// A bit of a byte has changed.
  case flipped(Int, bit: Int)

  var description: String {
    switch self {
    case .truncated(let size): "truncated to \(size) bytes"
    case .flipped(let byte, let bit): "bit \(bit) of byte \(byte) flipped"
    }
  }

  func apply(to path: String) throws {
    var bytes = try Data(contentsOf: URL(filePath: path))
    switch self {
    case .truncated(let size): bytes.removeLast(bytes.count - size)
    case .flipped(let byte, let bit): bytes[byte] ^= 1 << UInt8(bit)
    }
    try bytes.write(to: URL(filePath: path))
  }

  /// A hundred truncations at even distances, and a hundred bits.
  static func all(of path: String, seed: UInt64) throws -> [Damage] {
    let size = try Data(contentsOf: URL(filePath: path)).count
    var random = SeededRandom(seed: seed)
    let flips = (0..<100).map { _ in
      Damage.flipped(.random(in: 0..<size, using: &random), bit: .random(in: 0..<8, using: &random))
    }
    // The header of a database, where each bit counts.
    let header = (0..<min(size, 100)).map { Damage.flipped($0, bit: $0 % 8) }
    return (0..<100).map { .truncated(size * $0 / 100) } + flips + header
  }
}

/// What an operation on a damaged file came to.
enum Finding: Equatable, CustomStringConvertible {
  case value(String)
  case failed(String)

  static func of<Value>(_ body: () async throws -> Value) async -> Finding {
    do { return .value("\(try await body())") } catch { return .failed("\(error)") }
  }

  var description: String {
    switch self {
    case .value(let text): String(text.prefix(300))
    case .failed(let text): "failed: \(text.prefix(600))"
    }
  }
}
