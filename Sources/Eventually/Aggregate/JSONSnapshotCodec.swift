import Foundation

/// Encodes any `Codable` state as JSON with Foundation's coders.
public struct JSONSnapshotCodec<State: Codable & Sendable>: SnapshotCodec {
  /// Raised whenever the state changes, or the way in which events lead to it.
  public let schemaVersion: Int

  /// A codec for a version of the state.
  public init(schemaVersion: Int) {
    self.schemaVersion = schemaVersion
  }

  /// Appends the state as JSON with sorted keys.
  public func encode(_ state: State, into bytes: inout [UInt8]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    bytes.append(contentsOf: try encoder.encode(state))
  }

  /// Decodes JSON.
  public func decode(_ payload: Span<UInt8>) throws -> State {
    try JSONDecoder().decode(State.self, from: payload.withUnsafeBufferPointer { Data($0) })
  }
}
