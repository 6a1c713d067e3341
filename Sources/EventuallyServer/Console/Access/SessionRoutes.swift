import Eventually
import HTTPTypes

extension Console {
  func addSessions(to api: inout API) {
    let path = "/console/api/session"
    api.add(
      API.Operation(.get, path, "", role: .anyone, answers: []) { request in
        session(access.viewer(request.asker))
      })
    var signIn = API.Operation(.post, path, "", role: .anyone, answers: []) { request in
      guard access.tokens != nil else {
        throw RequestError(
          .conflict, code: "no-tokens",
          "this process has no tokens: there is nothing to sign in with")
      }
      let (found, secret) = try access.signIn(
        request.decode(SignIn.self).token, request.asker)
      audit.add(
        "sign in", AuditLog.Note(target: found.token.role.rawValue),
        by: found.token.name ?? "unnamed", address: request.asker.address, request: request.id)
      var response = session((found.token.name, found.token.role, found.csrf))
      response.headers[.setCookie] = SessionCookie.set(
        request.asker.cookie, secret, isEncrypted: access.isEncrypted)
      return response
    }
    signIn.body = .any
    api.add(signIn)
    api.add(
      API.Operation(.delete, path, "", role: .anyone, answers: []) { request in
        if let key = request.asker.session { access.end(key) }
        var response = session(nil)
        response.headers[.setCookie] = SessionCookie.clear(request.asker.cookie)
        return response
      })
  }

  private struct SignIn: Decodable {
    var token: String
  }

  private func session(
    _ viewer: (name: String?, role: AccessRole, csrf: String)?
  ) -> JSONResponse {
    JSONResponse { json in
      guard let viewer else { return json.null() }
      json.beginObject()
      json.key("name")
      if let name = viewer.name { json.string(name) } else { json.null() }
      json.member("role", viewer.role.rawValue)
      json.member("csrf", viewer.csrf)
      json.endObject()
    }
  }
}
