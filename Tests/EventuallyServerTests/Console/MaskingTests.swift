import Eventually
import Foundation
import Testing

@testable import EventuallyServer

/// What readers without the administrative role are not shown.
@Suite struct MaskingTests {
  private func masking(_ members: [String], _ columns: [String] = []) throws -> Masking {
    try Masking(members: members, columns: columns, of: ApplicationModel(Bank()))
  }

  private static let names = ["owner", "cents", "address", "street", "x.y", "ключ", "a\"b", ""]

  /// A value; those of masked members, and all within them, have the secret in them.
  private func random(
    _ generator: inout SeededRandom, depth: Int, path: [String], isSecret: Bool
  ) -> [UInt8] {
    var json = JSONWriter()
    write(&json, &generator, depth: depth, path: path, isSecret: isSecret)
    return json.bytes
  }

  private func isMasked(_ path: [String]) -> Bool {
    path.last == "owner" || path.suffix(2) == ["address", "street"]
  }

  private func write(
    _ json: inout JSONWriter, _ generator: inout SeededRandom, depth: Int, path: [String],
    isSecret: Bool
  ) {
    switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &generator) {
    case 0: json.string(isSecret ? "SECRET" : "öffentlich")
    case 1: json.integer(isSecret ? 4_242_424_242 : 1)
    case 2: if isSecret { json.string("\u{1}SECRET\u{2028}") } else { json.null() }
    case 3: if isSecret { json.integer(-4_242_424_242) } else { json.bool(true) }
    case 4:
      json.beginArray()
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        write(&json, &generator, depth: depth - 1, path: path, isSecret: isSecret)
      }
      json.endArray()
    default:
      json.beginObject()
      for name in Self.names where Bool.random(using: &generator) {
        json.key(named: name)
        let path = path + [name]
        write(
          &json, &generator, depth: depth - 1, path: path, isSecret: isSecret || isMasked(path))
      }
      json.endObject()
    }
  }

  private func hasSecret(_ bytes: [UInt8]) -> Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.contains("SECRET") || text.contains("4242424242")
  }

  @Test(arguments: 0..<400) func noMaskedValueIsLeft(seed: UInt64) throws {
    var generator = SeededRandom(seed: seed)
    let masking = try masking(["account.owner", "account.address.street"])
    // What no path names is masked too.
    let value = random(&generator, depth: 5, path: [], isSecret: false)
    // White space is JSON too.
    let json = Array(" \n".utf8) + value + Array("\t".utf8)
    let view = masking.view(for: .read)
    let shown = view.show(json, ofStream: "account/1")
    #expect(!hasSecret(shown.json), "\(String(decoding: shown.json, as: UTF8.self))")
    #expect(!shown.masked.isEmpty || shown.json == json)
    if hasSecret(json) { #expect(!shown.masked.isEmpty) }
    // What is left is JSON, with all that is not masked.
    let left = try JSONMembers.list(shown.json)
    let all = try JSONMembers.list(value)
    let members = all.filter { !view.isMasked(path: $0.path, ofStream: "account/1") }
    for member in members {
      #expect(
        left.contains { $0.path == member.path },
        "\(member.path) of \(String(decoding: value, as: UTF8.self))")
    }
    // Changes go by the same paths.
    for member in all where hasSecret(member.json) {
      #expect(view.isMasked(path: member.path, ofStream: "account/1"), "\(member.path)")
    }
    // Another category's, and whoever may administer.
    #expect(view.show(json, ofStream: "customer/1").json == json)
    #expect(masking.view(for: .administer).show(json, ofStream: "account/1").json == json)
    // Of a stream without a category it is not known.
    #expect(!hasSecret(view.show(json, ofStream: "Ä/1").json))
  }

  @Test func whatIsNoJSONIsNotShown() throws {
    let view = try masking(["account.owner"]).view(for: .write)
    for text in ["", "{", "{\"owner\":\"SECRET\"} x", "\u{0}SECRET"] {
      let shown = view.show(Array(text.utf8), ofStream: "account/1")
      #expect(shown == .init(json: [], masked: [""]), "\(text)")
    }
    #expect(view.show(Array("x".utf8), ofStream: "customer/1").json == Array("x".utf8))
    for text in ["\"SECRET\"", "[\"SECRET\",[4242424242]]"] {
      let shown = view.show(Array(text.utf8), ofStream: "account/1")
      #expect(!hasSecret(shown.json) && !shown.masked.isEmpty, "\(shown)")
      for member in try JSONMembers.list(Array(text.utf8)) {
        #expect(view.isMasked(path: member.path, ofStream: "account/1"))
      }
    }
    #expect(!view.showsReasons(ofStream: "account/1"))
    #expect(view.showsReasons(ofStream: "customer/1"))
  }

  @Test func aSlipIsRefused() throws {
    for (members, columns) in [
      (["accounts.owner"], []), (["account"], []), (["account."], []), (["account.a[0]"], []),
      ([], ["owners"]), ([], ["owners.nam"]), ([], ["owner.name"]),
    ] {
      #expect(throws: ApplicationError.self, "\(members) \(columns)") {
        try masking(members, columns)
      }
    }
    let view = try masking(["Account.owner"], ["owners.name"]).view(for: .read)
    #expect(view.isMasked(column: "name", ofTable: "owners"))
    #expect(!view.isMasked(column: "cents", ofTable: "owners"))
    #expect(view.isMasked(path: "lines[2].owner", ofStream: "account/1"))
    #expect(view.isMasked(path: "owner.first[0]", ofStream: "account/1"))
    #expect(!view.isMasked(path: "cents", ofStream: "account/1"))
  }
}
