package import Eventually

/// A read model of an application, with the codec of the events that it takes.
package protocol ReadModelDefinition<Model>: Sendable {
  associatedtype Model: ReadModel
  associatedtype Codec: EventCodec where Codec.Event == Model.Event
  var model: Model { get }
  var codec: Codec { get }
}

extension ReadModelDefinition {
  package var name: String { model.name }

  /// The consumer group of the read model's workers. Workers of different schema versions do not share partitions.
  package func group(topic: String) -> String { "\(topic).\(name).v\(model.schemaVersion)" }
}

struct TypedReadModel<Model: ReadModel, Codec: EventCodec>: ReadModelDefinition
where Codec.Event == Model.Event {
  let model: Model
  let codec: Codec
}

/// A read model of one aggregate's events.
struct ReadModelComponent<Model: ReadModel>: Component {
  let model: Model

  func register(in registry: inout Registry) {
    registry.readModels.append(
      PendingReadModel(name: model.name, type: ObjectIdentifier(Model.self)) { [model] aggregates in
        let found = aggregates.filter { $0.event == ObjectIdentifier(Model.Event.self) }
        guard found.count == 1, let codec = found[0].codec as? any EventCodec<Model.Event> else {
          throw ApplicationError(
            "the read model '\(model.name)' takes \(Model.Event.self), which is the event type of "
              + "\(found.isEmpty ? "no aggregate" : "several aggregates") among the components")
        }
        return Self.definition(
          model, codec, category: found[0].category, isAlone: aggregates.count == 1)
      })
  }

  private static func definition<Codec: EventCodec>(
    _ model: Model, _ codec: Codec, category: StreamCategory, isAlone: Bool
  ) -> any ReadModelDefinition where Codec.Event == Model.Event {
    // Streams of the only aggregate, without a category, are taken as they are.
    if category == .unnamed, isAlone { return TypedReadModel(model: model, codec: codec) }
    let codec = CategoryCodec(codec, category: category)
    if category == .unnamed { return TypedReadModel(model: model, codec: codec) }
    return TypedReadModel(model: CategoryReadModel(model, category: category), codec: codec)
  }
}

/// A read model of several aggregates' events.
struct CompositeReadModelComponent<Model: CompositeReadModel>: Component {
  let model: Model

  func register(in registry: inout Registry) {
    registry.readModels.append(
      PendingReadModel(name: model.name, type: ObjectIdentifier(Model.self)) { [model] aggregates in
        let projection = try CompositeProjection(model)
        for on in model.projections
        where !aggregates.contains(where: { $0.category == on.category }) {
          throw ApplicationError(
            "the read model '\(model.name)' takes events of the category '\(on.category)', and no aggregate among the "
              + "components has it")
        }
        return TypedReadModel(model: projection, codec: projection.codec)
      })
  }
}

extension ReadModelDefinition {
  /// Tells whether the read model's code can read a record, or passes over it.
  /// - Throws: `EventStoreError.undecodable` where it does not know the event's type.
  package func decode(_ record: EventRecord) throws(EventStoreError) {
    _ = try record.entry(decodedBy: codec)
  }
}
