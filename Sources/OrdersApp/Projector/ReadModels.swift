import Eventually
package import EventuallySQLite
import Orders

/// The sample's read models, by name.
package enum ReadModelName: String, CaseIterable, Sendable {
  case orders
  case sales
  case customers

  /// The read model's description, without its type.
  package var model: any OrdersReadModelType {
    switch self {
    case .orders: OrdersReadModel()
    case .sales: SalesReadModel()
    case .customers: CustomersReadModel()
    }
  }

  /// The read model's own directory in that of all read models.
  package func directory(in readModels: String) -> ReadModelDirectory {
    ReadModelDirectory("\(readModels)/\(rawValue)", model: model)
  }

  /// The read model's live generation: a link.
  package func path(in readModels: String) -> String {
    directory(in: readModels).livePath
  }

  /// The consumer group of the read model's workers. Workers of different schema versions do not share partitions.
  package func group(topic: String) -> String {
    "\(topic).\(rawValue).v\(model.schemaVersion)"
  }
}
