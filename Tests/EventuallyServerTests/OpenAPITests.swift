import Eventually
@testable import EventuallyServer
import Foundation
import HTTPTypes
import Testing

/// Documents that clients are generated from.
@Suite struct OpenAPITests {
  private struct Document {
    let root: [String: Any]

    init(_ api: API) throws {
      root = try #require(
        try JSONSerialization.jsonObject(with: Data(api.openAPI)) as? [String: Any])
    }

    /// What a path of names leads to; references are followed.
    subscript(names: String...) -> Any? {
      names.reduce(root as Any?) { value, name in
        resolved((resolved(value) as? [String: Any])?[name])
      }
    }

    func resolved(_ value: Any?) -> Any? {
      guard let reference = (value as? [String: Any])?["$ref"] as? String else { return value }
      return reference.split(separator: "/").dropFirst().reduce(root as Any?) {
        ($0 as? [String: Any])?[String($1)]
      }
    }

    var operations: [(place: String, value: [String: Any])] {
      (root["paths"] as? [String: [String: [String: Any]]] ?? [:]).flatMap { path, operations in
        operations.map { ("\($0) \(path)", $1) }
      }
    }

    /// All references of the document.
    var references: Set<String> {
      var found: Set<String> = []
      func look(_ value: Any) {
        if let list = value as? [Any] { list.forEach(look) }
        guard let object = value as? [String: Any] else { return }
        if let reference = object["$ref"] as? String { found.insert(reference) }
        object.values.forEach(look)
      }
      look(root)
      return found
    }
  }

  @Test func operationsHaveNamesOfMethods() async throws {
    let bank = try await TestWriter(Bank())
    var names = try Document(bank.api).operations.compactMap { $0.value["operationId"] as? String }
    #expect(Set(names).count == names.count, "\(names)")
    for name in [
      "openAccount", "payInAccount", "closeAccount", "executeAccountCommands", "getAccount",
      "getAccountHistory", "deleteAccount", "getAccountRemoval", "registerCustomer", "getEvents",
      "getStore", "getReadyz", "getProblemsByKind",
    ] {
      #expect(names.contains(name), "\(name): \(names)")
    }
    names = try await Document(bank.queries(of: "owners").api).operations.compactMap {
      $0.value["operationId"] as? String
    }
    #expect(names.contains("getOwners") && names.contains("getOwnersById"), "\(names)")
  }

  @Test func equalNamesAreToldApart() {
    let operations = [
      ("/a/{x}/b", nil), ("/a/b/{x}", nil), ("/other", "getABByX"), ("/a b%", "über-größe"),
    ].map { path, name in
      var operation = API.Operation(.get, path, "", answers: []) { _ in JSONResponse { _ in } }
      operation.operationID = name
      return operation
    }
    let names = OperationNames(operations)
    #expect(
      operations.compactMap { names.name("GET", $0.path) } == [
        "getABByX", "getABByX2", "getABByX3", "berGrE",
      ])
  }

  @Test func everythingThatIsReferredToIsThere() async throws {
    let bank = try await TestWriter(Bank())
    for api in [bank.api, try await bank.queries(of: "owners").api] {
      let document = try Document(api)
      #expect(document.references.count > 20)
      for reference in document.references {
        #expect(
          document.resolved(["$ref": reference]) is [String: Any], "\(reference) leads nowhere")
      }
    }
  }

  /// In whatever form it comes: generators make types of it.
  @Test func eachContentHasASchema() async throws {
    let bank = try await TestWriter(Bank())
    for api in [bank.api, try await bank.queries(of: "owners").api] {
      let document = try Document(api)
      for (place, operation) in document.operations {
        for (status, answer) in operation["responses"] as? [String: Any] ?? [:] {
          let answer = document.resolved(answer) as? [String: Any]
          for (type, content) in answer?["content"] as? [String: [String: Any]] ?? [:] {
            #expect(content["schema"] != nil, "\(place) \(status) \(type)")
          }
        }
      }
    }
  }

  @Test func eachErrorHasItsKindsAsExamples() async throws {
    let document = try await Document(TestWriter(Bank()).api)
    for (place, operation) in document.operations {
      let answers = operation["responses"] as? [String: Any] ?? [:]
      #expect(answers.keys.contains { $0.hasPrefix("2") }, "\(place): \(answers.keys)")
      for (status, answer) in answers where status >= "400" {
        let content = (document.resolved(answer) as? [String: Any])?["content"] as? [String: Any]
        guard let problems = content?["application/problem+json"] as? [String: Any] else {
          #expect(place.hasSuffix("z"), "\(place) \(status): \(content ?? [:])")
          continue
        }
        let examples = problems["examples"] as? [String: Any] ?? [:]
        #expect(!examples.isEmpty, "\(place) \(status) has no example")
        for example in examples.values {
          let value = (document.resolved(example) as? [String: Any])?["value"] as? [String: Any]
          #expect(value?["status"] as? Int == Int(status), "\(place) \(status): \(example)")
          let kind = (value?["type"] as? String)?.replacing("/problems/", with: "") ?? ""
          #expect(ProblemKind(rawValue: kind) != nil, "\(place) \(status): \(example)")
        }
      }
    }
  }

  private struct Examples: EventuallyApplication {
    static let name = "examples"
    static let version = "2.1"
    var components: [any Component] {
      Account()
      Owners()
      Customer()
      Commands("accounts", for: Account.self) {
        Command("open") { (body: Opening) in .open(owner: body.owner) }
          .example(["owner": "eve"]).operationID("beginAccount")
          .refusing(.alreadyOpen, .notEmpty(cents: 3))
        Command("payIn") { (body: Amount) in .deposit(body.cents) }
      }
      .example(.opened(owner: "eve"), .deposited(cents: 5))
      Query("owners/{id}", of: Owners.self, "An owner") { request, rows in
        try rows.row(OwnerRow.self, request.path("id"))
      }
      .example(["owner": "eve", "cents": 3]).operationID("findOwner")
    }
  }

  @Test func examplesThatAreGivenAreThere() async throws {
    let bank = try await TestWriter(Examples())
    let document = try Document(bank.api)
    #expect(document["info", "version"] as? String == "2.1")
    let open = "/accounts/{id}/open"
    #expect(document["paths", open, "post", "operationId"] as? String == "beginAccount")
    let body = document["paths", open, "post", "requestBody", "content", "application/json"]
    #expect((body as? [String: Any])?["example"] as? [String: String] == ["owner": "eve"])
    let refused =
      document[
        "paths", open, "post", "responses", "409", "content", "application/problem+json", "examples"
      ]
    let codes = Set((refused as? [String: Any] ?? [:]).keys)
    #expect(codes.isSuperset(of: ["refused.already-open", "refused.not-empty", "conflict"]))
    #expect(!codes.contains("refused.refused"))
    func example(_ path: String) -> Any? {
      document["paths", path, "get", "responses", "200", "content", "application/json", "example"]
    }
    let state = (example("/accounts/{id}") as? [String: Any])?["state"] as? [String: Any]
    #expect(state?["owner"] as? String == "eve" && state?["cents"] as? Int == 5)
    let history = example("/accounts/{id}/history") as? [[String: Any]]
    #expect(history?.map { $0["type"] as? String } == ["opened", "deposited"])
    let queries = try await Document(bank.queries(of: "owners").api)
    #expect(queries["paths", "/owners/{id}", "get", "operationId"] as? String == "findOwner")
    let owner = queries[
      "paths", "/owners/{id}", "get", "responses", "200", "content", "application/json", "example"]
    #expect((owner as? [String: Any])?["cents"] as? Int == 3)
  }

  private struct Wrong: EventuallyApplication {
    static let name = "wrong"
    var components: [any Component] {
      Account()
      Commands("accounts", for: Account.self) {
        Command("payIn") { (body: Amount) in .deposit(body.cents) }.example(["cents": "many"])
      }
    }
  }

  @Test func anExampleThatACommandDoesNotTakeIsAnError() {
    let error = #expect(throws: ApplicationError.self) { try ApplicationModel(Wrong()) }
    #expect(
      String(describing: error).contains("'payIn'")
        && String(describing: error).contains("example"), "\(String(describing: error))")
  }

  @Test func typesOfOneNameAreTwoComponents() throws {
    enum One { struct Body: Codable { var a: Int } }
    enum Two { struct Body: Codable { var b: [String] } }
    var components = Components()
    var json = JSONWriter()
    for _ in 1...2 {
      for schema in [try Schema(of: One.Body.self), try Schema(of: [Two.Body].self)] {
        schema.write(&json, &components)
        json.newline()
      }
    }
    let lines = String(decoding: json.bytes, as: UTF8.self).split(separator: "\n")
    #expect(
      lines.prefix(2) == [
        ##"{"$ref":"#/components/schemas/Body"}"##,
        ##"{"type":"array","items":{"$ref":"#/components/schemas/Body2"}}"##,
      ], "\(lines)")
    #expect(lines.prefix(2) == lines.suffix(2))
  }

  private static let values: [(Schema, String?)] = [
    (.string(), #""n""#), (.string(minimum: 2), nil), (.string(maximum: 0), #""""#),
    (.string(pattern: "^a$"), nil), (.string(pattern: "^a$").example("a"), #""a""#),
    (.string(values: ["b", "c"]), #""b""#), (.string(format: "date"), #""2026-11-23""#),
    (.integer(), "1"), (.integer(5...9), "5"), (.integer(-9 ... -5), "-5"), (.boolean, "true"),
    (.array(.integer()), "[1]"), (.array(.integer(), minimum: 2), "[1,1]"),
    (.array(.any), "[]"), (.array(.any, minimum: 1), nil), (.map(.null), #"{"name":null}"#),
    (.oneOf([.any, .number]), "1.5"), (.any, nil),
    (.object([.required("a", .integer()), .optional("b", .any)]), #"{"a":1}"#),
    (.object([.required("a", .any)]), nil), (.named("N", .string()), #""n""#),
  ]

  @Test(arguments: values)
  func valuesAreMadeUpThatFit(_ schema: Schema, _ json: String?) {
    let made = schema.example(of: "n").map { String(decoding: $0.json, as: UTF8.self) }
    #expect(made == json)
  }
}
