import Foundation

/// What the payload of an event type looks like.
package struct PayloadForm: Sendable {
  /// The name of the type.
  package var type: String
  /// What is decoded from it; `nil` where that is not known.
  package var shape: Shape?
  /// A payload in JSON.
  package var example: [UInt8]?
}

/// What is known of the payloads that a codec writes.
package struct PayloadForms: Sendable {
  /// In the order of their names.
  package var forms: [PayloadForm]
  /// Whether these are all event types that there are.
  package var isComplete: Bool
}

/// A codec whose payloads follow from Swift types.
package protocol TypedPayloads {
  /// - Parameter examples: events, from which cases of enumerations are known. Those of other types are passed over.
  func payloads(examples: [any Sendable]) -> PayloadForms
}

extension JSONEventCodec: TypedPayloads {
  package func payloads(examples: [any Sendable]) -> PayloadForms {
    let own = (Event.self as? any ExampledEvent.Type)?.examples as? [Event]
    var forms: [String: PayloadForm] = [:]
    for event in (own ?? []) + examples.compactMap({ $0 as? Event }) {
      let type = type(of: event)
      if forms[type] == nil { forms[type] = form(of: event, type) }
    }
    let listed = (Event.self as? any NamedEvent.Type)?.eventTypes
    var isComplete = own != nil
    // What is no enumeration has one form, whatever it holds.
    if let shape = try? Self.shape(), let found = Self.forms(of: shape, listed) {
      for form in found where forms[form.type] == nil { forms[form.type] = form }
      isComplete = true
    }
    if let listed {
      for type in listed where forms[type] == nil {
        forms[type] = PayloadForm(type: type, shape: nil, example: nil)
      }
      isComplete = true
    }
    return PayloadForms(
      forms: forms.values.sorted { $0.type < $1.type }, isComplete: isComplete)
  }

  private func form(of event: Event, _ type: String) -> PayloadForm {
    var json: [UInt8] = []
    // An example that can't be encoded is none.
    let isEncoded = (try? encode(event, into: &json)) != nil
    let name = EventTypeRecorder.caseName(of: event)
    let isText = json.first == UInt8(ascii: "\"")
    let shape = isText ? name.map { .choice([$0]) } : try? Self.shape(ofCase: name)
    return PayloadForm(type: type, shape: shape, example: isEncoded ? json : nil)
  }

  /// As Foundation's coders have it with their default strategies: dates are seconds since 2001.
  private static func shape(ofCase name: String? = nil) throws(ShapeError) -> Shape {
    try ShapeRecorder.record(Event.self, path: [], within: [], dates: .number, caseName: name).shape
  }

  /// The forms of a type that is recorded without an example; `nil` where the names of its types are not known.
  private static func forms(of shape: Shape, _ listed: [String]?) -> [PayloadForm]? {
    switch shape {
    // An enumeration may have a case that is called like what a dictionary is recorded with.
    case .map: return nil
    case .choice(let texts) where listed == nil:
      return texts.map { PayloadForm(type: $0, shape: .choice([$0]), example: nil) }
    case .choice: return nil
    default:
      let isNamed = Event.self is any NamedEvent.Type
      if let listed, listed.count == 1 {
        return [PayloadForm(type: listed[0], shape: shape, example: nil)]
      }
      return isNamed ? nil : [PayloadForm(type: "\(Event.self)", shape: shape, example: nil)]
    }
  }
}
