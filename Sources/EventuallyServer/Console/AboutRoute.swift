import Eventually
import HTTPTypes

extension Console {
  /// What the process is and can show.
  func addAbout(to api: inout API) {
    api.add(
      API.Operation(.get, "/console/api/about", "", role: .anyone, answers: []) { request in
        about(request.asker)
      })
  }

  private func about(_ asker: Asker) -> JSONResponse {
    let whyNot = access.whyNot
    return JSONResponse { json in
      json.beginObject()
      json.member("application", application.name)
      json.member("version", application.version)
      json.member("adminCommand", application.adminCommand)
      json.key("process")
      json.beginObject()
      json.member("kind", process.kind)
      json.member("name", process.name)
      json.endObject()
      json.member("authentication", access.tokens == nil ? "none" : "tokens")
      json.key("mayChange")
      json.bool(access.tokens == nil ? asker.role >= .administer : true)
      if let whyNot { json.member("whyNot", whyNot) }
      json.key("sources")
      json.beginObject()
      for (name, flag) in sources.missing {
        json.key(named: name)
        if let flag { json.string(flag) } else { json.bool(true) }
      }
      json.endObject()
      json.key("aggregates")
      json.beginArray()
      for aggregate in application.aggregates {
        json.beginObject()
        json.member("category", aggregate.category.name)
        json.member("name", aggregate.name)
        json.endObject()
      }
      json.endArray()
      json.member("readModels", application.readModels.map(\.name))
      json.key("pages")
      json.beginArray()
      for page in application.pages {
        json.beginObject()
        json.member("id", page.id)
        json.member("title", page.title)
        json.member("module", page.module)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }
}
