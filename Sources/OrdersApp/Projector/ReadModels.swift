import EventuallySQLite
import Orders

/// The sample's read models, by name.
enum ReadModelName: String, CaseIterable, Sendable {
  case orders
  case sales
  case customers

  /// The read model's description, without its type.
  var model: any OrdersReadModelType {
    switch self {
    case .orders: OrdersReadModel()
    case .sales: SalesReadModel()
    case .customers: CustomersReadModel()
    }
  }

  /// The read model's file in a directory.
  func path(in directory: String) -> String {
    "\(directory)/\(rawValue).sqlite"
  }

  /// The consumer group of the read model's workers.
  func group(topic: String) -> String {
    "\(topic).\(rawValue)"
  }
}
