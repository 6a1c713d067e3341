public import Eventually

/// A codec that says what its payloads look like, for the AsyncAPI document. Those of `JSONEventCodec` are known without it, as far as
/// the type of the events is described by its examples: see `ExampledEvent`.
public protocol DescribedCodec: EventCodec {
  /// The payloads of all event types that it reads, by the names of the types; those that are not written any more too.
  var payloadSchemas: [String: Schema] { get }
}

/// A type of events in the AsyncAPI document.
struct EventForm {
  var type: String
  /// `nil` where it is not known.
  var payload: Schema?
  var example: API.Example?
}

extension RegisteredAggregate {
  /// The event types of the aggregate, and whether these are all.
  /// - Parameter examples: events that the application gives as examples.
  func eventForms(_ examples: [any Sendable]) -> (forms: [EventForm], isComplete: Bool) {
    if let described = codec as? any DescribedCodec {
      let examples = Self.examples(examples, codec)
      let forms = described.payloadSchemas.sorted { $0.key < $1.key }.map { type, schema in
        EventForm(
          type: type, payload: .named(AsyncAPIDocument.identifier(type), schema),
          example: examples[type] ?? schema.example(of: type))
      }
      return (forms, true)
    }
    guard let typed = codec as? any TypedPayloads else { return ([], false) }
    let payloads = typed.payloads(examples: examples)
    let forms = payloads.forms.map { form in
      EventForm(
        type: form.type,
        payload: form.shape.map {
          .named(AsyncAPIDocument.identifier(form.type), Schema($0))
        },
        example: form.example.map { API.Example(json: $0) })
    }
    return (forms, payloads.isComplete)
  }

  private static func examples<Codec: EventCodec>(
    _ events: [any Sendable], _ codec: Codec
  ) -> [String: API.Example] {
    var examples: [String: API.Example] = [:]
    for case let event as Codec.Event in events {
      var payload: [UInt8] = []
      // One that can't be encoded is none.
      guard (try? codec.encode(event, into: &payload)) != nil else { continue }
      examples[codec.type(of: event)] = API.Example(json: payload)
    }
    return examples
  }
}
