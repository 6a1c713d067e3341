import Eventually
import Foundation
import Testing

@Suite struct JSONCorpusTests {
  /// Reads a document as a value that nobody knows.
  private func skip(_ bytes: [UInt8]) throws(JSONError) {
    var reader = JSONReader(bytes.span)
    try reader.skip()
    try reader.finish()
  }

  /// Reads a document value by value.
  private func walk(_ bytes: [UInt8]) throws(JSONError) {
    var reader = JSONReader(bytes.span)
    let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    switch first {
    case UInt8(ascii: "{"):
      try reader.beginObject()
      while let key = try reader.nextKey() {
        _ = reader.name(key)
        let value = reader.slice(try reader.skip())
        try walk(value)
      }
    case UInt8(ascii: "["):
      try reader.beginArray()
      while try reader.nextElement() { try walk(reader.slice(try reader.skip())) }
    case UInt8(ascii: "\""): _ = try reader.string()
    case UInt8(ascii: "n"): _ = try reader.stringOrNull()
    default: try reader.skip()
    }
    try reader.finish()
  }

  @Test(arguments: JSONCorpus.accepted) func accepts(name: String, json: String) throws {
    let bytes = Array(json.utf8)
    #expect(throws: Never.self, "\(name)") { try skip(bytes) }
    #expect(throws: Never.self, "\(name)") { try walk(bytes) }
    let within = Array("{\"unknown\":".utf8) + bytes + Array("}".utf8)
    if name != "y_depth_128" { #expect(throws: Never.self, "\(name)") { try skip(within) } }
    // The system's reader agrees that it is JSON.
    #expect(throws: Never.self, "\(name)") {
      try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    }
  }

  @Test(arguments: JSONCorpus.refused + JSONCorpus.refusedByChoice)
  func refuses(name: String, json: String) {
    let bytes = Array(json.utf8)
    #expect(throws: JSONError.self, "\(name)") { try skip(bytes) }
    // One level that is read value by value is none that is passed over.
    if name != "i_depth_129" {
      #expect(throws: JSONError.self, "\(name)") { try walk(bytes) }
    }
    let within = Array("{\"unknown\":".utf8) + bytes + Array("}".utf8)
    #expect(throws: JSONError.self, "\(name)") { try skip(within) }
  }

  @Test(arguments: JSONCorpus.invalidUTF8) func refusesWhatIsNoUTF8(name: String, bytes: [UInt8]) {
    let quote = UInt8(ascii: "\"")
    for text in [[quote] + bytes + [quote], Array("\"eight by\\n".utf8) + bytes + [quote]] {
      #expect(throws: JSONError.self, "\(name)") { try skip(text) }
      #expect(throws: JSONError.self, "\(name)") { try walk(text) }
      let key = Array("{".utf8) + text + Array(":1}".utf8)
      #expect(throws: JSONError.self, "\(name)") { try skip(key) }
      #expect(throws: JSONError.self, "\(name)") { try walk(key) }
    }
  }

  @Test func aWordThatBeginsLikeNullIsNotNull() {
    for text in ["nope", "nul", "nullx", "n"] {
      let bytes = Array(text.utf8)
      #expect(throws: JSONError.self) {
        var reader = JSONReader(bytes.span)
        _ = try reader.stringOrNull()
        try reader.finish()
      }
    }
  }

  @Test func aNameWithAnEscapeIsTheNameThatItStandsFor() throws {
    let bytes = Array(#"{"x":0,"c\u0075stomer":"a","n":1}"#.utf8)
    var reader = JSONReader(bytes.span)
    var names: [String] = []
    var customer: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      names.append(reader.name(key))
      if reader.isKey(key, "customer") {
        customer = try reader.string()
      } else {
        let isRaw = reader.isKey(key, "c\\u0075stomer")
        #expect(!isRaw)
        try reader.skip()
      }
    }
    try reader.finish()
    #expect(names == ["x", "customer", "n"])
    #expect(customer == "a")
  }

  @Test func anObjectThatIsReadMemberByMemberHasNoTwoOfOneName() {
    for count in [2, 5, 31, 32, 33, 200] {
      for twin in [0, count / 2, count - 1] {
        let members = (0..<count).map { "\"member \($0)\":{\"a\":[1],\"b\":{\"a\":1}}" }
        let json = "[{\(members.joined(separator: ",")),\"member \(twin)\":1}]"
        let bytes = Array(json.utf8)
        #expect(throws: JSONError.self, "\(count) \(twin)") {
          var reader = JSONReader(bytes.span)
          try reader.beginArray()
          while try reader.nextElement() {
            try reader.beginObject()
            while try reader.nextKey() != nil { try reader.skip() }
          }
          try reader.finish()
        }
      }
    }
  }

  @Test func whatIsNotReadToItsEndIsNotFinished() {
    let bytes = Array(#"{"a":1"#.utf8)
    #expect(throws: JSONError.self) {
      var reader = JSONReader(bytes.span)
      try reader.beginObject()
      _ = try reader.nextKey()
      _ = try reader.integer()
      try reader.finish()
    }
  }

  /// Two of one name are looked for in time that does not grow with the square of what there is.
  @Test(.timeLimit(.minutes(5))) func manyNamesAndManyLevelsTakeLittleTime() throws {
    let many = "{" + (0..<100_000).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
    try skip(Array(many.utf8))
    var nested = "{" + (0..<20_000).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
    for _ in 0..<120 {
      nested =
        "{\"0\":" + nested + "," + (1..<40).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
    }
    try skip(Array(nested.utf8))
  }
}
