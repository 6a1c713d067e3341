import Eventually
import Foundation
import Testing

@Suite struct JSONTests {
  private func strings(_ count: Int, seed: UInt64) -> [String] {
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let alphabet: [Character] = [
      "a", "\"", "\\", "/", "\n", "\t", "\r", "\u{0}", "\u{1F}", "é", "€", "😀", "\u{7F}", " ", "{",
    ]
    return (0..<count).map { _ in
      String((0..<next(40)).map { _ in alphabet[next(alphabet.count)] })
    }
  }

  @Test func foundationReadsWhatTheWriterWrites() throws {
    let strings = strings(500, seed: 1)
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("strings")
    writer.beginArray()
    for string in strings { writer.string(string) }
    writer.endArray()
    writer.key("numbers")
    writer.beginArray()
    for number in [0, 7, 10, -1, Int64.max, Int64.min] { writer.integer(number) }
    writer.endArray()
    writer.key("flag")
    writer.bool(true)
    writer.key("nothing")
    writer.null()
    writer.endObject()
    struct Document: Decodable {
      var strings: [String]
      var numbers: [Int64]
      var flag: Bool
      var nothing: String?
    }
    let document = try JSONDecoder().decode(Document.self, from: Data(writer.bytes))
    #expect(document.strings == strings)
    #expect(document.numbers == [0, 7, 10, -1, .max, .min])
    #expect(document.flag && document.nothing == nil)
  }

  @Test func theReaderReadsWhatFoundationWrites() throws {
    let strings = strings(500, seed: 2)
    let bytes = Array(try JSONEncoder().encode(strings))
    var reader = JSONReader(bytes.span)
    var read: [String] = []
    try reader.beginArray()
    while try reader.nextElement() { read.append(try reader.string()) }
    try reader.finish()
    #expect(read == strings)
  }

  @Test func readsEscapesAndSkipsWhatItIsTold() throws {
    let text = #"""
       { "skip" : [1, {"a": [true, null, -1.5e3, "]}"]}], "text":"\u00e9\ud83d\ude00\n\/", "n":-12 }
      """#
    let bytes = Array(text.utf8)
    var reader = JSONReader(bytes.span)
    var string = ""
    var number: Int64 = 0
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "text") {
        string = try reader.string()
      } else if reader.isKey(key, "n") {
        number = try reader.integer()
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    #expect(string == "é😀\n/")
    #expect(number == -12)
  }

  private func readObject(_ text: String) throws {
    let bytes = Array(text.utf8)
    var reader = JSONReader(bytes.span)
    try reader.beginObject()
    while try reader.nextKey() != nil { try reader.skip() }
    try reader.finish()
  }

  @Test(arguments: [
    "", "[", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{} {}",
    "{\"a\":\"x}", "{\"a\":[1,2}", "{,}", "{\"a\":\"\u{1}\"}",
    "{\"a\":" + String(repeating: "[", count: 500),
  ])
  func refusesWhatIsNotAnObject(text: String) {
    #expect(throws: JSONError.self) { try readObject(text) }
  }

  @Test(
    arguments: [
      ("2.0", 2), ("2.000", 2), ("2.0 ", 2), ("2", 2), ("2e0", 2), ("0.2e1", 2), ("20E-1", 2),
      ("-0", 0), ("0e99999999999999999999", 0), ("0.00e-5", 0), ("-1.5e1", -15), ("1e3", 1000),
      ("1e17", 100_000_000_000_000_000), ("9007199254740993.0", 9_007_199_254_740_993),
      ("9.223372036854775807e+18", .max), ("-9223372036854775808e0", .min),
      ("9223372036854775807000000000000000000000000000000000000000e-39", .max),
      ("0.00000000000000000000000000000000000000000000000001e50", 1),
    ] as [(String, Int64)])
  func aWholeNumberMayBeWrittenInAnyWay(text: String, number: Int64) throws {
    let bytes = Array(text.utf8)
    var reader = JSONReader(bytes.span)
    #expect(try reader.integer() == number)
    try reader.finish()
  }

  /// However it is written, a number is read as what its digits and its exponent say.
  @Test func pointsAndExponentsChangeNoWholeNumber() {
    for number in [1, 7, 10, 120, 9_007_199_254_740_993, Int64.max] {
      let digits = Array("\(number)".utf8)
      for point in 1...digits.count {
        for zeros in [0, 1, 30] {
          let text =
            "-" + String(decoding: digits[..<point], as: UTF8.self) + "."
            + String(decoding: digits[point...], as: UTF8.self)
            + String(repeating: "0", count: zeros + 1) + "e\(digits.count - point)"
          #expect(JSONNumber.whole(Array(text.utf8).span) == -Int128(number), "\(text)")
          let more = text.replacing("e", with: "0e1")
          #expect(JSONNumber.whole(Array(more.utf8).span) != -Int128(number), "\(more)")
        }
      }
    }
  }

  @Test func largeWholeNumbersAreWrittenOut() {
    for (json, expected) in [
      (
        #"{"1e17":[1e17,"1e17\"1e17",-9.3e18],"e":9007199254740993.0}"#,
        #"{"1e17":[100000000000000000,"1e17\"1e17",-9300000000000000000],"e":9007199254740993}"#
      ),
      ("[0.5,1e2,-0.0,1e300,true,1.8446744073709551616e19]", nil), ("1E17", "100000000000000000"),
    ] as [(String, String?)] {
      let found = JSONNumber.withWholeNumbersWrittenOut(Array(json.utf8))
      #expect(String(decoding: found, as: UTF8.self) == expected ?? json)
    }
  }

  @Test(arguments: [
    "1.5", "1.", "1.05", ".0", "9223372036854775808", "-", "01", "x", "\"1\"", "1e", "1e+", "15e-1",
    "1e19", "1e400", "1e-99999999999999999999", "9223372036854775808.0", "1.00000000000000000001",
  ])
  func refusesWhatIsNoWholeNumber(text: String) {
    let bytes = Array(text.utf8)
    #expect(throws: JSONError.self) {
      var reader = JSONReader(bytes.span)
      _ = try reader.integer()
    }
  }

  @Test(arguments: [#""\ud800""#, #""\udc00x""#, #""\u12g4""#, #""\x""#])
  func refusesBrokenEscapes(text: String) {
    let bytes = Array(text.utf8)
    #expect(throws: JSONError.self) {
      var reader = JSONReader(bytes.span)
      _ = try reader.string()
    }
  }

  /// Whatever the bytes are, reading ends with a value or an error, and never outside of them.
  @Test func survivesNoise() {
    var state: UInt64 = 42
    for _ in 0..<20_000 {
      var bytes = Array(#"{"sku":"A","n":[1,-2,{"x":null}],"t":"\u00e9"}"#.utf8)
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
      }
      bytes.removeLast(Int(state >> 50) % 5)
      var reader = JSONReader(bytes.span)
      do {
        try reader.beginObject()
        while let key = try reader.nextKey() {
          if reader.isKey(key, "sku") { _ = try reader.string() } else { try reader.skip() }
        }
        try reader.finish()
      } catch {
        #expect(error.offset <= bytes.count)
      }
    }
  }
}
