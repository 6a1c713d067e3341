package import Eventually

extension ApplicationModel {
  /// The AsyncAPI 3.0 document of the topic that the application's events are published to, as JSON.
  /// - Parameter partitions: how many partitions the topic has; `nil` where that is not known.
  package func asyncAPI(topic: String, partitions: Partition?) -> [UInt8] {
    var document = AsyncAPIDocument(application: self, topic: topic, partitions: partitions)
    return document.write()
  }
}

/// Writes what is on a topic as an AsyncAPI 3.0 document: a message for each type of event, and for what the store itself publishes.
struct AsyncAPIDocument {
  /// Of the bindings for Kafka.
  private static let bindingVersion = "0.5.0"

  private let application: ApplicationModel
  private let topic: String
  private let partitions: Partition?
  private var components = Components()
  private var messages: [(id: String, json: [UInt8])] = []

  init(application: ApplicationModel, topic: String, partitions: Partition?) {
    self.application = application
    self.topic = topic
    self.partitions = partitions
  }

  mutating func write() -> [UInt8] {
    for aggregate in application.aggregates { addMessages(of: aggregate) }
    for message in OwnMessage.all { add(message) }
    var json = JSONWriter()
    json.object { json in
      json.member("asyncapi", "3.0.0")
      json.object("info") { json in
        json.member("title", "\(application.name): events")
        json.member("version", application.version)
        json.member("description", Self.description)
      }
      json.member("defaultContentType", application.codec.contentType)
      json.object("channels") { json in
        json.object("events") { json in writeChannel(&json) }
      }
      json.object("operations") { json in
        json.object("publish") { json in
          writeOperation("send", "The writer publishes each event that it has committed.", &json)
        }
        for readModel in application.readModels {
          json.object("apply-\(readModel.name)") { json in
            writeOperation(
              "receive", "The workers of the read model \(readModel.name) apply the events.",
              group: readModel.group(topic: topic), &json)
          }
        }
      }
      json.object("components") { json in
        json.object("messages") { json in
          for message in messages {
            json.key(named: message.id)
            json.raw(message.json)
          }
        }
        components.write(&json)
      }
    }
    return json.bytes
  }

  private static let description =
    "Records are CloudEvents 1.0 in Kafka's binary mode. The key is the stream's name; the records of a partition are in the order in which "
    + "the store committed their events. An event may be published again after a failure: a reader drops those whose partition offset, in "
    + "`ce_position`, it has had. Members and types of events may be added."

  private func writeChannel(_ json: inout JSONWriter) {
    json.member("address", topic)
    json.member("title", "The events of the store")
    let known =
      partitions == nil
      ? " How many partitions there are is not known here: a running writer's document tells." : ""
    json.member(
      "description",
      "All events, in as many partitions as the store has: `(murmur2(stream) & 0x7fffffff) % partitions`.\(known)"
    )
    json.object("messages") { json in
      for message in messages {
        json.object(message.id) { $0.member("$ref", "#/components/messages/\(message.id)") }
      }
    }
    json.object("bindings") { json in
      json.object("kafka") { json in
        json.member("topic", topic)
        if let partitions { json.member("partitions", Int64(partitions)) }
        json.member("bindingVersion", Self.bindingVersion)
      }
    }
  }

  private func writeOperation(
    _ action: String, _ summary: String, group: String? = nil, _ json: inout JSONWriter
  ) {
    json.member("action", action)
    json.member("summary", summary)
    json.object("channel") { $0.member("$ref", "#/channels/events") }
    guard let group else { return }
    json.object("bindings") { json in
      json.object("kafka") { json in
        json.object("groupId") { json in
          json.member("type", "string")
          json.member("enum", [group])
        }
        json.member("bindingVersion", Self.bindingVersion)
      }
    }
  }

  // MARK: - Messages

  private mutating func addMessages(of aggregate: RegisteredAggregate) {
    let (forms, isComplete) = aggregate.eventForms(application.exampleEvents(of: aggregate))
    let category = aggregate.category.name
    let source = category.isEmpty ? "a stream without a category" : "a stream `\(category)/…`"
    for form in forms {
      add(
        RecordMessage(
          name: form.type, category: category, type: .string(values: [form.type]),
          description: form.payload == nil
            ? "An event of \(source). What its payload looks like is not described by the application."
            : "An event of \(source).",
          payload: form.payload ?? .any, example: form.example))
    }
    if !isComplete {
      add(
        RecordMessage(
          name: forms.isEmpty ? "event" : "other", category: category, type: .string(minimum: 1),
          description: "An event of \(source), of a type that the application does not describe.",
          payload: .any))
    }
  }

  /// What a message or a schema is called. Dots may be in it, but not all tools take them.
  static func identifier(_ name: String) -> String {
    Components.name(name).replacing(".", with: "-")
  }

  private mutating func add(_ message: RecordMessage) {
    let wanted = Self.identifier(
      message.category.isEmpty ? message.name : "\(message.category)-\(message.name)")
    var id = wanted
    var number = 1
    while messages.contains(where: { $0.id == id }) {
      number += 1
      id = "\(wanted)\(number)"
    }
    var json = JSONWriter()
    message.write(&json, &components, bindingVersion: Self.bindingVersion)
    messages.append((id, json.bytes))
  }
}

extension JSONWriter {
  fileprivate mutating func object(_ name: String, _ members: (inout JSONWriter) -> Void) {
    key(named: name)
    object(members)
  }

  fileprivate mutating func object(_ members: (inout JSONWriter) -> Void) {
    beginObject()
    members(&self)
    endObject()
  }
}
