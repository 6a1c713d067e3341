import Eventually
import EventuallyTesting
import Testing

@testable import EventuallyPostgres

/// Streams are read whole, by one short statement or in pages.
@Suite(.timeLimit(.minutes(5))) struct StreamPagesTests {
  private func texts(_ pages: any StreamPages) async throws -> (texts: [String], pages: Int) {
    var (pages, texts, count) = (pages, [String](), 0)
    while !pages.isAtEnd {
      let page = try await pages.next()
      if count == 0, let first = page.first {
        #expect(pages.lastVersion >= first.position.version)
      }
      texts += page.map { String(decoding: $0.payload, as: UTF8.self) }
      count += 1
    }
    return (texts, count)
  }

  @Test(arguments: [1, 10, 63, 64, 65, 511, 512, 513, 1100])
  func aStreamOfAnyLengthIsReadWhole(_ length: Int) async throws {
    let store = try await TestStores.openRecords()
    let all = (1...length).map { "event \($0)" }
    for start in stride(from: 0, to: length, by: 500) {
      _ = try await store.append(Array(all[start..<min(length, start + 500)]), to: "s")
    }
    for from in Set([0, 1, 2, length - 63, length - 1, length, length + 1]) where from >= 0 {
      let pages = store.log.pages(ofStream: "s", from: Version(from), bytes: 1 << 20)
      let (found, count) = try await texts(pages)
      #expect(found == Array(all.dropFirst(max(0, from - 1))), "from \(from)")
      #expect(count == max(1, (found.count + 511) / 512), "from \(from)")
    }
    var pages = store.log.pages(ofStream: "s")
    _ = try await pages.next()
    #expect(pages.lastVersion == Version(length))
    await store.close()
  }

  /// A page ends where its payloads are enough, wherever in a stream the large ones are.
  @Test(arguments: [0, 1, 5, 9]) func largePayloadsComeInPages(_ place: Int) async throws {
    let store = try await TestStores.openRecords()
    var all = (1...10).map { "event \($0)" }
    all[place] = String(repeating: "x", count: 100_000)
    _ = try await store.append(all, to: "s")
    let (found, count) = try await texts(store.log.pages(ofStream: "s", from: 1, bytes: 50_000))
    #expect(found == all)
    #expect(count == (place == 9 ? 1 : 2))
    let (rest, _) = try await texts(store.log.pages(ofStream: "s", from: 4, bytes: 1))
    #expect(rest == Array(all.dropFirst(3)))
    await store.close()
  }

  @Test func noEventOfANewBeginningComes() async throws {
    let store = try await TestStores.openRecords()
    _ = try await store.append((1...80).map { "old \($0)" }, to: "s")
    var pages = store.log.pages(ofStream: "s", from: 1, bytes: 100)
    let first = try await pages.next()
    #expect(!first.isEmpty && first.count < 80 && pages.lastVersion == 80)
    _ = try await store.perform(.remove(streamID: "s", expecting: .any))
    _ = try await store.append((1...80).map { "new \($0)" }, to: "s")
    while !pages.isAtEnd { #expect(try await pages.next().isEmpty) }
    #expect(try await texts(store.log.pages(ofStream: "s")).texts.first == "new 1")
    #expect(try await texts(store.log.pages(ofStream: "none")).texts == [])
    await store.close()
  }
}
