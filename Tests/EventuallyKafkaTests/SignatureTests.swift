import Digests
import Eventually
import Foundation
import Testing

@testable import EventuallyKafka

@Suite struct SignatureTests {
  private let key = [UInt8](repeating: 7, count: 32)
  private let other = [UInt8](repeating: 8, count: 40)

  private func signer(_ keys: [UInt8]...) throws -> RecordSigner {
    RecordSigner(try TopicKeys(keys))
  }

  private func fill(_ signer: inout RecordSigner, _ partition: Partition, _ parts: [[UInt8]?]) {
    signer.record.begin(partition)
    for part in parts {
      if let part {
        part.withUnsafeBytes { signer.record.append($0) }
      } else {
        signer.record.append(nil)
      }
    }
    signer.record.appendLength(3)
  }

  private func code(_ signer: RecordSigner, _ value: [UInt8]) -> [UInt8] {
    var code: [UInt8] = []
    value.withUnsafeBytes { signer.sign($0, into: &code) }
    return code
  }

  private func verify(_ signer: RecordSigner, _ code: [UInt8], _ value: [UInt8]) -> Bool {
    code.withUnsafeBytes { code in value.withUnsafeBytes { signer.verify(code, $0) } }
  }

  /// What is signed as a placeholder is no record, and the other way round.
  @Test func aPlaceholderHasAFormOfItsOwn() {
    var (record, placeholder) = (CanonicalRecord(), CanonicalRecord())
    record.begin(3)
    placeholder.begin(3, isPlaceholder: true)
    #expect(record.bytes != placeholder.bytes)
    #expect(!placeholder.bytes.starts(with: record.bytes))
    #expect(record.bytes.starts(with: "eventually-record-1".utf8))
  }

  @Test func itIsTheHMACOfTheWholeRecord() throws {
    var signer = try signer(key)
    fill(&signer, 3, [[1, 2], nil, []])
    let code = code(signer, [4, 5, 6])
    let expected = HMACSHA256.authenticationCode(
      for: signer.record.bytes + [4, 5, 6], using: SymmetricKey(data: key))
    #expect(
      String(decoding: code, as: UTF8.self)
        == expected.map { String(format: "%02x", $0) }.joined())
    #expect(verify(signer, code, [4, 5, 6]))
  }

  /// Whatever bit of code or value is another one, and whatever is cut off.
  @Test func everyChangeIsNoticed() throws {
    var signer = try signer(key)
    fill(&signer, 3, [[1, 2], nil, []])
    let value: [UInt8] = [4, 5, 6]
    let code = code(signer, value)
    for index in code.indices {
      for bit in 0..<8 {
        var wrong = code
        wrong[index] ^= 1 << bit
        #expect(!verify(signer, wrong, value))
      }
      #expect(!verify(signer, Array(code[..<index]), value))
    }
    for index in value.indices {
      var wrong = value
      wrong[index] ^= 1
      #expect(!verify(signer, code, wrong))
    }
    #expect(!verify(signer, code + [0x30], value))
  }

  /// Parts of other lengths, absent instead of empty, or in another partition make another form.
  @Test func noTwoRecordsHaveTheSameForm() throws {
    var forms: Set<[UInt8]> = []
    var count = 0
    let parts: [[UInt8]?] = [nil, [], [0], [0, 0], [0, 0, 0, 0, 0]]
    for partition: Partition in [0, 1] {
      for a in parts {
        for b in parts {
          for c in parts {
            var signer = try signer(key)
            fill(&signer, partition, [a, b, c])
            forms.insert(signer.record.bytes)
            count += 1
          }
        }
      }
    }
    #expect(forms.count == count)
  }

  @Test func anyKeyVerifiesAndTheFirstSigns() throws {
    var old = try signer(other)
    fill(&old, 0, [[1]])
    let code = code(old, [1, 2, 3])
    for (keys, isAccepted) in [([key, other], true), ([other, key], true), ([key], false)] {
      var signer = RecordSigner(try TopicKeys(keys))
      fill(&signer, 0, [[1]])
      #expect(verify(signer, code, [1, 2, 3]) == isAccepted)
      #expect((self.code(signer, [1, 2, 3]) == code) == (keys[0] == other))
    }
  }

  @Test func keysComeFromLines() throws {
    let first = String(repeating: "a", count: 32)
    let second = String(repeating: "b", count: 64)
    let keys = try TopicKeys(lines: Array("\n \(first)\t\r\n\n\(second)".utf8))
    #expect(keys.keys == [Array(first.utf8), Array(second.utf8)])
    #expect(!"\(keys)\(keys.debugDescription)".contains("aa"))
    var text = ""
    dump(KafkaConfiguration(brokers: "b", topic: "t", keys: keys), to: &text)
    #expect(!text.contains("97"), "\(text)")
    #expect(throws: TopicKeyError.none) { try TopicKeys(lines: Array(" \n\n".utf8)) }
    #expect(throws: TopicKeyError.tooShort(number: 2, size: 3)) {
      try TopicKeys(lines: Array("\(first)\nabc".utf8))
    }
  }
}
