public import Eventually
public import EventuallySQLite

extension Query {
  /// A query that is written for SQLite alone: an application with one is refused where read models are in another database.
  /// - Parameters:
  ///   - path: with parameters in braces.
  ///   - model: the read model.
  ///   - summary: what it tells, in a line.
  ///   - parameters: parameters of the query; those of the path follow from it where they are not among these.
  ///   - answers: what it may answer.
  ///   - reading: answers from a connection; all that it reads is as of one moment.
  public static func onSQLite<Model: ReadModel>(
    _ path: String, of model: Model.Type, _ summary: String, parameters: [API.Parameter] = [],
    answers: [API.Response],
    reading: @escaping @Sendable (APIRequest, SQLiteConnection) throws -> JSONResponse
  ) -> Query {
    Query(
      path, of: model, summary, parameters: parameters, answers: answers, sql: .only(.sqlite),
      reading: answering(reading))
  }

  /// The same of a read model that takes several aggregates' events.
  public static func onSQLite<Model: CompositeReadModel>(
    _ path: String, of model: Model.Type, _ summary: String, parameters: [API.Parameter] = [],
    answers: [API.Response],
    reading: @escaping @Sendable (APIRequest, SQLiteConnection) throws -> JSONResponse
  ) -> Query {
    Query(
      path, of: model, summary, parameters: parameters, answers: answers, sql: .only(.sqlite),
      reading: answering(reading))
  }

  private static func answering(
    _ reading: @escaping @Sendable (APIRequest, SQLiteConnection) throws -> JSONResponse
  ) -> @Sendable (APIRequest, any ReadModelSource) async throws -> JSONResponse {
    { request, reader in
      try await reader.read { rows in
        guard let rows = rows as? SQLiteRowReader else {
          throw ApplicationError("the query '\(request.pathOnly)' is written for SQLite")
        }
        return try reading(request, rows.connection)
      }
    }
  }
}
