/// Names one request of a client or a process manager: an event store carries out one request for a key of a stream, and
/// tells every later one with that key what came of the first.
///
/// ```swift
/// try await accounts.execute([.deposit(5)], on: "account-1", idempotencyKey: IdempotencyKey("payment-4711"))
/// ```
public struct IdempotencyKey: Sendable, Hashable, CustomStringConvertible {
  /// What names the request, or its sender where ``number`` is given: 1 to 255 bytes, which two keys are told apart by.
  public let name: ByteKey
  /// The number that the sender gave the request, at most 2⁶²; `nil` for a key of its own.
  public let number: UInt64?
  /// What the request was, so that another one with the same key is found out; `nil` where nobody asks.
  public var request: RequestFingerprint?

  /// A key of one request.
  /// - Parameters:
  ///   - name: 1 to 255 bytes without U+0000; a store refuses others with ``EventStoreError/invalid(_:)``.
  ///   - request: what the request is.
  public init(_ name: String, request: RequestFingerprint? = nil) {
    self.name = ByteKey(name)
    number = nil
    self.request = request
  }

  private init(sender: String, number: UInt64, request: RequestFingerprint?) {
    name = ByteKey(sender)
    self.number = number
    self.request = request
  }

  /// A request of a sender that numbers its requests to a stream with rising numbers, and sends one only after the answer to the
  /// one before it.
  ///
  /// A store keeps the highest number of each sender and stream, and no row for each request; it keeps that as long as the
  /// stream, whatever lifetime keys have. A request with a lower number is a repetition: its result is that of the
  /// highest, which comes after its own events.
  /// - Parameters:
  ///   - sender: 1 to 255 bytes without U+0000.
  ///   - number: at most 2⁶²; numbers may be left out.
  ///   - request: what the request is; held against the one with the highest number alone.
  public static func numbered(
    sender: String, number: UInt64, request: RequestFingerprint? = nil
  ) -> IdempotencyKey {
    IdempotencyKey(sender: sender, number: number, request: request)
  }

  /// The name, and the number where there is one.
  public var description: String { number.map { "\(name) \($0)" } ?? name.text }

  /// - Throws: ``EventStoreError/invalid(_:)`` for a key that no store takes.
  package func check() throws(EventStoreError) {
    guard (1...255).contains(name.text.utf8.count) else {
      throw .invalid(
        "an idempotency key, or its sender, has 1 to 255 bytes; this one has \(name.text.utf8.count)"
      )
    }
    try name.text.checkNoZero("an idempotency key, or its sender,")
    guard number ?? 0 <= 1 << 62 else {
      throw .invalid("the number of a request is at most 2^62; this one is \(number ?? 0)")
    }
  }
}

/// What tells one request from another: 128 bits of its content, always the same for the same content (FNV-1a).
///
/// It finds mistakes, a key that a client gives to two requests. It is no proof against somebody who looks for two requests with the same
/// fingerprint: who does that is told of the first of them where the second was sent.
public struct RequestFingerprint: Sendable, Hashable {
  private var state: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D

  /// The fingerprint of a request that consists of `parts`.
  public init(_ parts: [UInt8]...) {
    for part in parts {
      for byte in part { add(byte) }
      // Where one part ends and the next begins is a part of the content.
      withUnsafeBytes(of: UInt64(part.count).bigEndian) { for byte in $0 { add(byte) } }
    }
  }

  private mutating func add(_ byte: UInt8) {
    state = (state ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013B
  }

  /// Its sixteen bytes.
  public var bytes: [UInt8] { withUnsafeBytes(of: state.bigEndian) { Array($0) } }
}

/// What came of the first request with an idempotency key.
public struct IdempotentResult: Sendable, Hashable {
  /// Where the stream's last event was after that request; `nil` where it had none.
  public var last: EventPosition?
  /// Whether an earlier request had the key, so that this one has changed nothing.
  public var isRepetition: Bool
  /// The stream's version after the first request; 0 where it had no events.
  public var version: Version { last?.version ?? 0 }

  /// A result.
  public init(last: EventPosition?, isRepetition: Bool) {
    self.last = last
    self.isRepetition = isRepetition
  }
}

/// An idempotency key came with another request than at first. Nothing was appended.
public struct KeyReused: Error, Sendable, Hashable, CustomStringConvertible {
  /// The stream.
  public var streamID: String
  /// The key, with what the later request was.
  public var key: IdempotencyKey
  /// Where the stream's last event was after the first request; `nil` where it had none.
  public var first: EventPosition?

  /// A key that was used twice.
  public init(streamID: String, key: IdempotencyKey, first: EventPosition?) {
    self.streamID = streamID
    self.key = key
    self.first = first
  }

  /// The message.
  public var description: String {
    "the idempotency key '\(key)' was sent to '\(streamID)' with another request, after which that was at version "
      + "\(first?.version ?? 0): each request needs a key of its own"
  }
}
