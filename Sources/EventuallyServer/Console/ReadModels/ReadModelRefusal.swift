import Eventually
import HTTPTypes

extension RequestError {
  /// What an error of a change of a read model is answered as: what the asker can do something about is no failure of the process.
  static func refusal(_ error: any Error) -> any Error {
    switch error {
    case let error as ReadModelError:
      guard let status = status(error) else { return error }
      return RequestError(status, error.description)
    case let error as ReplayError: return RequestError(.conflict, error.description)
    case let error as Failure: return RequestError(kind: .invalidRequest, error.description)
    default: return error
    }
  }

  private static func status(_ error: ReadModelError) -> HTTPResponse.Status? {
    switch error {
    case .noGeneration, .noSavepoint, .notParked, .notBuilt: .notFound
    case .generationInUse, .savepointExists, .replayRunning, .unfinishedReplay, .schemaVersion,
      .savepointSchemaVersion, .damagedSavepoint, .notEnoughSpace:
      .conflict
    case .invalidSavepointName: .badRequest
    default: nil
    }
  }

  /// Runs `body` on a thread of its own.
  static func refusing<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    do {
      return try await BlockingTasks.run(body)
    } catch {
      throw refusal(error)
    }
  }
}
