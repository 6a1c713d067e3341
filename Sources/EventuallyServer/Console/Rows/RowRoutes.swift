import Eventually
import HTTPTypes

extension Console {
  /// Rows of read models.
  func addRows(to api: inout API) {
    api.add(question("read-models/{model}/rows") { try await rows($0) })
    let exports = Budget(2)
    api.add(question("read-models/{model}/rows.csv") { try await csv($0, exports) })
  }

  /// A generation of a read model, and what of a table is asked for.
  private struct Asked {
    var source: any ReadModelSource
    var generation: Int
    var question: RowSearch.Question
  }

  private func asked(_ request: APIRequest) async throws -> Asked {
    let model = try sources.readModel(request.path("model"))
    let source: any ReadModelSource
    let generation: Int
    if let text = try request.parameter("generation"), !text.isEmpty {
      generation = Int(try request.number("generation", in: 1...UInt64(Int32.max)))
      do {
        source = try await model.catalog.reader(
          of: generation, readers: 1, timeLimit: options.questionLimit)
      } catch {
        throw RequestError.refusal(error)
      }
    } else {
      guard let live = try await model.catalog.liveGeneration() else {
        throw ReadModelError.notBuilt(location: model.catalog.location)
      }
      generation = live
      source = try await model.live.open()
    }
    let tables = model.definition.anyModel.tables.map { $0.schema }
    let name = try request.parameter("table") ?? ""
    guard let table = name.isEmpty ? tables.first : tables.first(where: { $0.name == name }) else {
      throw RequestError(
        kind: .notFound,
        "the read model '\(model.name)' has no table '\(name.excerpt)': it has "
          + tables.map(\.name).joined(separator: ", "))
    }
    var query = RowQuery(table: table, dialect: model.location.dialect)
    if let order = try request.parameter("order"), !order.isEmpty {
      guard let column = table.columns.first(where: { $0.name == order }) else {
        throw RequestError(
          kind: .invalid, "the table '\(table.name)' has no column '\(order.excerpt)'",
          parameter: "order")
      }
      query.order = .init(column: column, isDescending: try request.parameter("down") == "true")
    }
    let search = try request.parameter("search") ?? ""
    guard search.utf8.count <= RowSearch.longestSearch else {
      throw RequestError(
        kind: .invalid,
        "the parameter 'search' has more than \(RowSearch.longestSearch) bytes",
        parameter: "search")
    }
    let view = view(of: request)
    let hidden = table.columns.map(\.name).filter { view.isMasked(column: $0, ofTable: table.name) }
    return Asked(
      source: source, generation: generation,
      question: .init(
        query: query, search: search, hidden: Set(hidden)))
  }

  private func rows(_ request: APIRequest) async throws -> JSONResponse {
    let asked = try await asked(request)
    let cursor = try request.parameter("cursor").flatMap { $0.isEmpty ? nil : $0 }.map { text in
      guard let cursor = PageCursor(text) else {
        throw RequestError(
          kind: .invalid, "the parameter 'cursor' must be as an answer has it", parameter: "cursor")
      }
      return cursor
    }
    var search = RowSearch(question: asked.question)
    search.question.query.textLimit = ConsoleRecord.largest
    let page = try await asked.source.read { [search] in try search.page(cursor, in: $0) }
    let columns = asked.question.query.table.columns
    let hidden = columns.map { asked.question.hidden.contains($0.name) }
    return JSONResponse { json in
      json.beginObject()
      json.key("columns")
      json.beginArray()
      for (column, isHidden) in zip(columns, hidden) {
        Self.write(
          column, isKey: asked.question.query.table.key.contains(column), isMasked: isHidden, &json)
      }
      json.endArray()
      json.key("rows")
      json.beginArray()
      for row in page.rows {
        json.beginArray()
        for (value, isHidden) in zip(row, hidden) { Self.write(isHidden ? .null : value, &json) }
        json.endArray()
      }
      json.endArray()
      json.key("next")
      if let next = page.next { json.string(next.text) } else { json.null() }
      json.member("generation", asked.generation)
      json.key("searched")
      json.beginObject()
      json.key("all")
      json.bool(page.searched == nil)
      if let searched = page.searched { json.member("rows", searched) }
      json.endObject()
      json.endObject()
    }
  }

  /// A column, as lists of them have it.
  static func write(
    _ column: TableColumn, isKey: Bool, isMasked: Bool, _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.member("name", column.name)
    json.member("kind", column.kind == .integer ? "integer" : "text")
    json.key("isKey")
    json.bool(isKey)
    if isMasked {
      json.key("isMasked")
      json.bool(true)
    }
    json.endObject()
  }

  /// A column's value. A text of more than 8 KiB is cut, and an integer that JavaScript can't hold is text.
  static func write(_ value: ColumnValue, _ json: inout JSONWriter) {
    switch value {
    case .integer(let number) where number.magnitude > 1 << 53: json.string("\(number)")
    case .integer(let number): json.integer(number)
    case .text(let text):
      json.string(
        text.utf8.count > ConsoleRecord.largest
          ? String(decoding: text.utf8.prefix(2 << 10), as: UTF8.self) + "…" : text)
    case .null: json.null()
    }
  }

  private func csv(_ request: APIRequest, _ exports: Budget) async throws -> JSONResponse {
    guard let share = exports.share() else {
      throw Overloaded("\(exports.limit) tables are exported")
    }
    let asked = try await asked(request)
    var response = try await JSONResponse(
      pieces: CSVPieces(asked.source, asked.question, share: share))
    response.contentType = "text/csv; charset=utf-8"
    if let name = HTTPField.Name("Content-Disposition") {
      response.headers[name] = "attachment; filename=\"\(asked.question.query.table.name).csv\""
    }
    return response
  }
}
