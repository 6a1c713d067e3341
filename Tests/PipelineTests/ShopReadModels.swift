import Eventually
import EventuallySQLite
import FaultScenarios

@testable import EventuallyServer
@testable import Orders

extension ApplicationModel {
  /// The sample.
  static func shop() throws -> ApplicationModel { try ApplicationModel(Shop()) }
}

extension Pipeline {
  /// The files of a read model of the sample.
  func directory(of model: some ReadModel) -> ReadModelDirectory {
    ReadModelDirectory("\(readModels)/\(model.name)", model: model)
  }
}
