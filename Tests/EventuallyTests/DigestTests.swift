import Digests
import Testing

/// Against the published vectors: FIPS 180-2 for SHA-256, RFC 4231 for HMAC.
struct DigestTests {
  private func hex(_ digest: SHA256.Digest) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func sha256(_ text: String, _ expected: String) {
    #expect(hex(SHA256.hash(data: text.utf8)) == expected)
    var pieces = SHA256()
    for byte in text.utf8.prefix(2000) { pieces.update(data: [byte]) }
    pieces.update(data: Array(text.utf8.dropFirst(2000)))
    #expect(hex(pieces.finalize()) == expected)
  }

  @Test func aCopyGoesOnByItself() {
    var first = SHA256()
    first.update(data: Array("ab".utf8))
    var second = first
    first.update(data: Array("c".utf8))
    #expect(first.finalize() == SHA256.hash(data: "abc".utf8))
    // What was finished goes on, too.
    first.update(data: Array("d".utf8))
    second.update(data: Array("x".utf8))
    #expect(first.finalize() == SHA256.hash(data: "abcd".utf8))
    #expect(second.finalize() == SHA256.hash(data: "abx".utf8))
    #expect(first.finalize() != second.finalize())
  }

  @Test(arguments: [
    (
      Array(repeating: UInt8(0x0B), count: 20), "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      Array(repeating: UInt8(0xAA), count: 131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ])
  func hmac(_ key: [UInt8], _ text: String, _ expected: String) {
    let code = HMACSHA256.authenticationCode(for: text.utf8, using: SymmetricKey(data: key))
    #expect(hex(code) == expected)
  }
}
