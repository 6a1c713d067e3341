import Eventually

/// A kind of record on the topic.
struct RecordMessage {
  var name: String
  var category = ""
  /// The values of `ce_type`.
  var type: Schema
  var description: String
  var payload: Schema
  var example: API.Example?
  /// Headers that no other kind has.
  var headers: [Schema.Member] = []

  /// - Parameter components: where schemas go.
  func write(
    _ json: inout JSONWriter, _ components: inout Components, bindingVersion: String
  ) {
    json.beginObject()
    json.member("name", name)
    json.member("description", description)
    if !category.isEmpty {
      json.key("tags")
      json.beginArray()
      json.beginObject()
      json.member("name", category)
      json.endObject()
      json.endArray()
    }
    json.key("headers")
    json.beginObject()
    json.member("type", "object")
    // Those of all kinds, and what is this one's own.
    json.key("allOf")
    json.beginArray()
    RecordHeaders.schema.write(&json, &components)
    Schema.object([.required("ce_type", type)] + headers).write(&json, &components)
    json.endArray()
    json.endObject()
    json.key("payload")
    payload.write(&json, &components)
    json.key("correlationId")
    json.raw(
      #"{"location":"$message.header#/ce_correlationid","description":"What the event belongs to."}"#
        .utf8)
    json.key("bindings")
    json.raw(
      #"{"kafka":{"key":{"type":"string","description":"The stream's name."},"bindingVersion":"\#(bindingVersion)"}}"#
        .utf8)
    if let example {
      json.key("examples")
      json.beginArray()
      json.beginObject()
      json.key("payload")
      json.raw(example.json)
      json.endObject()
      json.endArray()
    }
    json.endObject()
  }
}

/// What the store itself publishes.
enum OwnMessage {
  static let all = [
    RecordMessage(
      name: EventRecord.removedType, type: .string(values: [EventRecord.removedType]),
      description:
        "The stream was removed: whoever has something of it forgets that. The stream may begin again. There is no value.",
      payload: .null),
    RecordMessage(
      name: EventRecord.erasedType, type: .string(values: [EventRecord.erasedType]),
      description:
        "An event that was erased with its stream before it was published. It keeps the place of the event, and there is no value.",
      payload: .null),
    RecordMessage(
      name: "placeholder", type: .string(minimum: 1),
      description:
        "Stands for an event that the broker refuses. Whoever reads it takes the event from the feed of a writer. The value is empty.",
      payload: .any,
      headers: [.required("ce_placeholder", .string(values: ["refused"]))]),
  ]
}

/// The headers of all records, as CloudEvents' binding for Kafka has them.
enum RecordHeaders {
  static let schema = Schema.named(
    "CloudEventHeaders",
    .object([
      .required("ce_specversion", .string(values: ["1.0"])),
      .required("ce_id", .string(format: "uuid")),
      .required("ce_source", .string(minimum: 1)),
      .required("ce_type", .string(minimum: 1)),
      .required("ce_time", .string(format: "date-time")),
      .required("content-type", .string(minimum: 1)),
      // <partition offset>.<sequence number>.<stream version>
      .required(
        "ce_position", .string(pattern: "^[1-9][0-9]*[.][1-9][0-9]*[.][0-9]+$").example("7.42.3")),
      // The stream's id, where it has a category.
      .optional("ce_subject", .string()),
      .optional("ce_correlationid", .string()),
      .optional("ce_causationid", .string()),
      .optional("ce_traceparent", .string()),
      // An object of texts, in JSON.
      .optional("ce_metadata", .string()),
      // HMAC-SHA256, where the topic has a key.
      .optional("ce_mac", .string(pattern: "^[0-9a-f]{64}$")),
    ]))
}
