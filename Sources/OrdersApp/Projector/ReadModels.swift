import EventuallySQLite
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

  /// The read model's file in a directory.
  package func path(in directory: String) -> String {
    "\(directory)/\(rawValue).sqlite"
  }

  /// The consumer group of the read model's workers.
  package func group(topic: String) -> String {
    "\(topic).\(rawValue)"
  }
}
