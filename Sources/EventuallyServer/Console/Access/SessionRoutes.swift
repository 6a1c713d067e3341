import Eventually
import HTTPTypes

extension Console {
  func addSessions(to api: inout API) {
    let path = "/console/api/session"
    api.add(
      API.Operation(.get, path, "", role: .anyone, answers: []) { request in
        session(access.viewer(request.asker))
      })
    var begin = API.Operation(.post, path, "", role: .anyone, answers: []) { request in
      guard access.tokens != nil else {
        throw RequestError(
          .conflict, code: "no-tokens",
          "this process has no tokens: there is nothing to sign in with")
      }
      let (found, secret) = try signIn(request)
      var response = session((found.token.name, found.token.role, found.csrf))
      response.headers[.setCookie] = SessionCookie.set(
        request.asker.cookie, secret, isEncrypted: access.isEncrypted)
      return response
    }
    begin.body = .any
    api.add(begin)
    api.add(
      API.Operation(.delete, path, "", role: .anyone, answers: []) { request in
        if let key = request.asker.session { access.end(key) }
        var response = session(nil)
        response.headers[.setCookie] = SessionCookie.clear(request.asker.cookie)
        return response
      })
  }

  /// Signs in whoever sends a token; who does, and who can't, is in the audit log.
  private func signIn(
    _ request: APIRequest
  ) throws -> (session: ConsoleSessions.Session, secret: String) {
    let token = try request.decode(SignIn.self).token
    do throws(RequestError) {
      let signedIn = try access.signIn(token, request.asker)
      let holder = signedIn.session.token
      audit.add(
        "sign in", AuditLog.Note(target: holder.role.rawValue), by: holder.name ?? "unnamed",
        address: request.asker.address, request: request.id)
      return signedIn
    } catch {
      // Further attempts are refused without a look at the token, and there may be any number of them.
      if error.kind == .unauthorized {
        audit.add(
          "sign in", AuditLog.Note(target: "session", outcome: "refused: \(error)"), by: nil,
          address: request.asker.address, request: request.id)
      }
      throw error
    }
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
      // Not for whoever has not signed in: they tell where things are.
      json.key("flags")
      sources.flags.write(&json)
      json.endObject()
    }
  }
}
