/// The name of an event's type together with the version of its schema: `OrderCancelled` for the first, `OrderCancelled.v2`
/// for the next.
///
/// That is what stands with the event, on disk and on the wire. An event is never rewritten: it keeps the version that it
/// was appended with for ever, and is upcasted when it is read.
public struct EventTypeName: Sendable, Hashable, CustomStringConvertible {
  /// The name, the same in all versions.
  public var name: String
  /// The version of the schema, from 1 on.
  public var version: Int

  /// A version of an event's type.
  public init(_ name: String, version: Int = 1) {
    precondition(version >= 1, "versions count from 1")
    self.name = name
    self.version = version
  }

  /// The name as it stands with an event.
  public var description: String { version == 1 ? name : "\(name).v\(version)" }
}

/// One step from an older form of an event to a newer one: a pure function on the encoded event.
public struct Upcast: Sendable {
  /// The form that is upcasted.
  public var from: EventTypeName
  /// The form that it is upcasted to.
  public var to: EventTypeName
  /// What upcasts it.
  public var upcast: @Sendable (_ payload: Span<UInt8>) throws -> [UInt8]

  /// The step from a version of an event's type to the next.
  public init(
    _ name: String, from version: Int,
    upcast: @escaping @Sendable (_ payload: Span<UInt8>) throws -> [UInt8]
  ) {
    self.init(
      from: EventTypeName(name, version: version), to: EventTypeName(name, version: version + 1),
      upcast: upcast)
  }

  /// A step between any two types: for one that gets another name.
  public init(
    from: EventTypeName, to: EventTypeName,
    upcast: @escaping @Sendable (_ payload: Span<UInt8>) throws -> [UInt8]
  ) {
    self.from = from
    self.to = to
    self.upcast = upcast
  }
}

/// The steps that lead from all old forms of events to those that the code knows.
public struct UpcastChain: Sendable {
  private let steps: [ByteKey: (to: String, upcast: @Sendable (Span<UInt8>) throws -> [UInt8])]

  /// A chain of steps, at most one from each form, that lead round in no circle.
  public init(_ upcasts: [Upcast]) {
    var steps: [ByteKey: (to: String, upcast: @Sendable (Span<UInt8>) throws -> [UInt8])] = [:]
    for upcast in upcasts {
      let from = upcast.from.description
      precondition(steps[ByteKey(from)] == nil, "two upcasts lead from '\(from)'")
      steps[ByteKey(from)] = (upcast.to.description, upcast.upcast)
    }
    for start in steps.keys {
      var type = start
      for _ in 0...steps.count {
        guard let step = steps[type] else { break }
        type = ByteKey(step.to)
        precondition(type != start, "the upcasts from '\(start)' lead back to it")
      }
    }
    self.steps = steps
  }

  /// The newest form of an event, step by step; `nil` where its form is not an old one.
  /// - Throws: what a step throws.
  public func upcast(
    type: String, payload: Span<UInt8>
  ) throws -> (type: String, payload: [UInt8])? {
    guard let first = steps[ByteKey(type)] else { return nil }
    var current = (type: first.to, payload: try first.upcast(payload))
    while let step = steps[ByteKey(current.type)] {
      current = (step.to, try step.upcast(current.payload.span))
    }
    return current
  }
}

/// A codec that upcasts old forms of events before another codec decodes them. It works wherever events are read: in stores,
/// subscriptions and replays.
///
/// The other codec gets the type that an event was upcasted to, and refuses one that it does not know: a chain that ends short of
/// the newest form is an ``UnknownEventType``, and one that leads on from the form that is written is found at the append.
public struct UpcastingCodec<Base: EventCodec>: EventCodec {
  private let base: Base
  private let chain: UpcastChain

  /// A codec that reads what `base` reads, and what `upcasts` upcast to that.
  public init(_ base: Base, _ upcasts: [Upcast]) {
    self.base = base
    chain = UpcastChain(upcasts)
  }

  /// The content type of the other codec.
  public var contentType: String { base.contentType }

  /// The name of an event's type, in its newest version.
  public func type(of event: Base.Event) -> String { base.type(of: event) }

  /// Appends the event in its newest form.
  public func encode(_ event: Base.Event, into bytes: inout [UInt8]) throws {
    try base.encode(event, into: &bytes)
  }

  /// What the other codec takes.
  public func takes(stream: String) -> Bool { base.takes(stream: stream) }

  /// Decodes an event, upcasted where it is an old form.
  public func decode(type: String, payload: Span<UInt8>) throws -> Base.Event {
    guard let upcasted = try chain.upcast(type: type, payload: payload) else {
      return try base.decode(type: type, payload: payload)
    }
    return try base.decode(type: upcasted.type, payload: upcasted.payload.span)
  }
}
