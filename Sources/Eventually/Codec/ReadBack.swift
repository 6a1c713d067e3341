/// Makes sure that what a codec wrote can be read back: that it decodes to an equal event of the same type.
///
/// Events are equal by `==` where they are `Equatable`. Where they are not, or an event is not equal to itself (one that
/// holds a NaN), the decoded event must encode to the same bytes.
public struct ReadBack<Codec: EventCodec>: Sendable {
  @usableFromInline let codec: Codec
  @usableFromInline let areEqual: (@Sendable (Codec.Event, Codec.Event) -> Bool)?

  /// A check of what `codec` writes.
  @inlinable
  public init(_ codec: Codec) {
    self.codec = codec
    areEqual = Self.equality()
  }

  /// Makes sure that an encoded event can be read back.
  /// - Parameters:
  ///   - event: what was encoded.
  ///   - index: its place among the events of its append, from 0 on, for the error.
  ///   - type: what the codec called its type.
  ///   - payload: what the codec wrote.
  ///   - stream: the name of the stream that it is appended to; `nil` where the codec does not depend on it.
  /// - Throws: ``ReadBackFailure`` with the difference.
  @inlinable
  public func check(
    _ event: Codec.Event, at index: Int, type: String, payload: Span<UInt8>, stream: String? = nil
  ) throws(ReadBackFailure) {
    let found: Codec.Event?
    do {
      found =
        if let stream {
          try codec.decode(type: type, stream: stream, payload: payload)
        } else {
          try codec.decode(type: type, payload: payload)
        }
    } catch {
      throw ReadBackFailure(type: type, index: index, reason: "it does not decode: \(error)")
    }
    guard let decoded = found else {
      throw ReadBackFailure(
        type: type, index: index, reason: "the codec takes no events of its stream")
    }
    if let areEqual, areEqual(decoded, event), !type.isEmpty, !EventRecord.isReserved(type),
      codec.type(of: decoded).hasSameBytes(as: type)
    {
      return
    }
    try checkClosely(event, decoded, at: index, type: type, payload: payload)
  }

  /// What differs, if anything does.
  @usableFromInline
  func checkClosely(
    _ event: Codec.Event, _ decoded: Codec.Event, at index: Int, type: String, payload: Span<UInt8>
  ) throws(ReadBackFailure) {
    func fail(_ reason: String) -> ReadBackFailure {
      ReadBackFailure(type: type, index: index, reason: reason)
    }
    if type.isEmpty { throw fail("its type has no name") }
    if EventRecord.isReserved(type) { throw fail("stores use this name of a type for themselves") }
    if let event = event as? AnyEvent, let decoded = decoded as? AnyEvent,
      event.category != decoded.category
    {
      throw fail("it is of the category '\(event.category)', and its stream is not")
    }
    let decodedType = codec.type(of: decoded)
    if !decodedType.hasSameBytes(as: type) {
      throw fail("it decodes to an event of type '\(decodedType)'")
    }
    if let areEqual {
      if areEqual(decoded, event) { return }
      if areEqual(event, event) {
        throw fail("it decodes to \(Self.short(decoded)), which is not \(Self.short(event))")
      }
    }
    var again: [UInt8] = []
    do {
      try codec.encode(decoded, into: &again)
    } catch {
      throw fail("what it decodes to can't be encoded: \(error)")
    }
    guard again.count == payload.count else {
      throw fail("what it decodes to takes \(again.count) bytes, not \(payload.count)")
    }
    for offset in 0..<again.count where again[offset] != payload[offset] {
      throw fail("what it decodes to has other bytes, from byte \(offset) on")
    }
  }

  private static func short(_ event: Codec.Event) -> String {
    let text = String(describing: event)
    return text.count <= 200 ? text : "\(text.prefix(200))…"
  }

  /// `==` of the events, found once: to ask each event whether it is `Equatable` costs more than to decode it.
  @usableFromInline
  static func equality() -> (@Sendable (Codec.Event, Codec.Event) -> Bool)? {
    guard let type = Codec.Event.self as? any Equatable.Type else { return nil }
    func open<Value: Equatable>(
      _ type: Value.Type
    ) -> @Sendable (Codec.Event, Codec.Event) -> Bool {
      { a, b in
        withUnsafePointer(to: a) { a in
          withUnsafePointer(to: b) { b in
            // `Value` is the type of the events, so this is no change of it.
            a.withMemoryRebound(to: Value.self, capacity: 1) { a in
              b.withMemoryRebound(to: Value.self, capacity: 1) { b in a.pointee == b.pointee }
            }
          }
        }
      }
    }
    return open(type)
  }
}

/// An event that its codec writes but does not read back as what it was: to store it would hold up everything that reads
/// the store.
public struct ReadBackFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// The name of the event's type.
  public var type: String
  /// The event's place among those of its append, from 0 on.
  public var index: Int
  /// What differs.
  public var reason: String

  /// An event that can't be read back.
  public init(type: String, index: Int, reason: String) {
    self.type = type
    self.index = index
    self.reason = reason
  }

  /// What is wrong, and what to do.
  public var description: String {
    "the event of type '\(type)' at index \(index) of the append can't be read back: \(reason); nothing "
      + "was appended: correct the event or its codec"
  }
}
