import Eventually
import Foundation
import Testing

@testable import Orders

@Suite struct CSVReaderTests {
  private func read(_ chunks: [ArraySlice<UInt8>]) -> (items: [CSVReader.Item], lines: Int) {
    var reader = CSVReader()
    var items: [CSVReader.Item] = []
    for chunk in chunks { reader.read(chunk) { items.append($0) } }
    reader.finish { items.append($0) }
    return (items, reader.lines)
  }

  private func read(_ text: String) -> [CSVReader.Item] {
    read([Array(text.utf8)[...]]).items
  }

  private func row(_ line: Int, _ fields: String..., lines: Int = 1) -> CSVReader.Item {
    .row(CSVReader.Row(line: line, lineCount: lines, fields: fields))
  }

  private func lines(_ items: [CSVReader.Item]) -> Int {
    items.reduce(0) { count, item in
      guard case .row(let row) = item else { return count + 1 }
      return count + row.lineCount
    }
  }

  @Test func readsQuotesAndLineEnds() {
    #expect(
      read("\u{FEFF}a,b\r\n1,\"x,\"\"y\"\"\n z\"\n\n\r\n,\r\n\"\",é\nlast,\"7\"\r") == [
        row(1, "a", "b"), row(2, "1", "x,\"y\"\n z", lines: 2), .blank, .blank, row(6, "", ""),
        row(7, "", "é"), row(8, "last", "7"),
      ])
  }

  @Test func aByteOrderMarkMayStandBeforeAQuotedHeader() {
    #expect(read("\u{FEFF}\"a\",\"b\"\n1,2\n") == [row(1, "a", "b"), row(2, "1", "2")])
    #expect(read("\u{FEFF}") == [])
  }

  @Test func takesWhatIsNotUTF8ForLatin1() {
    #expect(read([[0x50, 0xA3, 0x31, 0x0A]]).items == [row(1, "P£1")])
  }

  private static let samples = [
    "\u{FEFF}\"a\",b\r\n1,\"x,\"\"y\"\"\n z\"\n\n,\r\n\"\",é\nlast",
    "a,b\n\"12\"\" R,1\nx,\"2\"\ny,3\n",
    "a,b\n\"1\nx,2\n\"", "\n\r\n\"\"\"\"\r\n\"a\"b\n,\"\r\"\r", "\u{FEFF}", "\u{FEFF}x",
    "a\n\"b\"\r",
  ]

  /// The same comes out wherever the bytes are cut, in two or into single ones.
  @Test(arguments: samples) func cutsMakeNoDifference(text: String) {
    let bytes = Array(text.utf8)
    let whole = read([bytes[...]])
    for place in bytes.indices {
      let cut = read([bytes[..<place], bytes[place...]])
      #expect(cut.items == whole.items, "cut at \(place)")
    }
    #expect(read(bytes.indices.map { bytes[$0...$0] }).items == whole.items)
  }

  /// Whatever the bytes are: cuts make no difference, every line is accounted for, and nothing traps.
  @Test func anyBytesAreAccountedFor() {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededRandom(seed: seed)
    let alphabet = Array("\"\"\",,\n\n\r a\u{FEFF}é".utf8) + [0, 0xFF]
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
        alphabet.randomElement(using: &random) ?? 0
      }
      let (items, lines) = read([bytes[...]])
      let ends = bytes.count { $0 == UInt8(ascii: "\n") }
      let begun = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
      let isEnded = begun.isEmpty || begun.last == UInt8(ascii: "\n")
      #expect(lines == ends + (isEnded ? 0 : 1), "seed \(seed): \(bytes)")
      #expect(self.lines(items) == lines, "seed \(seed): \(bytes)")
      let place = Int.random(in: 0...bytes.count, using: &random)
      #expect(
        read([bytes[..<place], bytes[place...]]).items == items, "seed \(seed): \(bytes), \(place)")
    }
  }

  /// A quote that is not closed costs its line, and not those that it would swallow.
  @Test func aStrayQuoteCostsOneLine() {
    let header = "sku,name,n\n"
    let stray = "7,\"12\"\" RULER,6\n"
    let good = (4...20_003).map { "\($0),x,1\n" }.joined()
    let items = read(header + "3,y,1\n" + stray + good)
    #expect(items.count == 20_003 - 3 + 3)
    #expect(
      items[2] == .malformed(line: 3, reason: "a quote is not closed within 65536 bytes")
        || items[2] == .malformed(line: 3, reason: "a quote is not closed within 100 lines"))
    #expect(items[3] == row(4, "4", "x", "1"))
    #expect(items.last == row(20_003, "20003", "x", "1"))
  }

  @Test func aStrayQuoteThatAnotherOneSeemsToCloseCostsOneLine() {
    #expect(
      read("a,b\n\"12\"\" R,1\nx,2\n\"y\",3\n") == [
        row(1, "a", "b"),
        .malformed(line: 2, reason: "a closing quote is not followed by a comma"),
        row(3, "x", "2"), row(4, "y", "3"),
      ])
    // The quote of the last line ends the row in order, but the lines in between make it too short.
    #expect(
      read("a,b\n\"1,1\nx,2\n\"\n") == [
        row(1, "a", "b"),
        .malformed(line: 2, reason: "a quote joins 3 lines to a row of 1 fields, not 2"),
        row(3, "x", "2"), .malformed(line: 4, reason: "a quote is not closed before the file ends"),
      ])
  }

  @Test func aFileMayEndInsideAQuote() {
    #expect(
      read("a,b\n1,\"x\n2,y") == [
        row(1, "a", "b"),
        .malformed(line: 2, reason: "a quote is not closed before the file ends"),
        row(3, "2", "y"),
      ])
  }

  @Test func aRowHasABoundInLines() {
    let text = String(repeating: "\n", count: CSVReader.maximumRowLines - 1)
    #expect(
      read("\"\(text)\"\nx\n") == [
        row(1, text, lines: CSVReader.maximumRowLines), row(101, "x"),
      ])
    let items = read("\"\(text)\n\"\nx\n")
    #expect(items.first == .malformed(line: 1, reason: "a quote is not closed within 100 lines"))
    #expect(lines(items) == 102)
  }

  @Test func aRowHasABoundInBytes() {
    let longest = String(repeating: "x", count: CSVReader.maximumRowBytes - 1)
    #expect(read(longest + "\ny\n") == [row(1, longest), row(2, "y")])
    #expect(read(longest + "x") == [row(1, longest + "x")])
    for text in [longest + "x\ny\n", longest + longest + longest + "\ny\n"] {
      #expect(
        read(text) == [
          .malformed(line: 1, reason: "the row has more than 65536 bytes"), row(2, "y"),
        ])
    }
    #expect(
      read("\"\(longest)\ny\n") == [
        .malformed(line: 1, reason: "a quote is not closed within 65536 bytes"), row(2, "y"),
      ])
  }
}
