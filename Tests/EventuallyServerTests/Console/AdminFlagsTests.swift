import Eventually
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// What a page tells to type, and where it leads, by what the process has.
@Suite struct AdminFlagsTests {
  @Test func flagsLeadToWhatTheProcessLooksAt() {
    #expect(AdminFlags() == AdminFlags(store: nil, readModels: nil, bus: nil))
    #expect(AdminFlags().data.isEmpty && AdminFlags().topic.isEmpty)
    let files = AdminFlags(
      store: .file("/var/lib/shop/../shop/store.sqlite"),
      readModels: .folder("/var/lib/shop/rows/"),
      bus: ("k-1:9092,k-2:9092", "orders"))
    #expect(
      files.data == [
        "--store", "/var/lib/shop/store.sqlite", "--read-models", "/var/lib/shop/rows",
      ])
    #expect(files.topic == ["--brokers", "k-1:9092,k-2:9092", "--topic", "orders"])
    // A path counts from where the process was started.
    let relative = AdminFlags(store: .file("data/store.sqlite")).data
    #expect(
      relative == ["--store", "\(FileManager.default.currentDirectoryPath)/data/store.sqlite"])
  }

  @Test func passwordsAreLeftOut() {
    let url = "postgres://shop:secret@db/shop"
    let flags = AdminFlags(store: .postgres(url), readModels: .postgres(url)).data
    #expect(flags.count == 4 && flags[1].contains("db/shop"))
    #expect(!flags.joined().contains("secret"), "\(flags)")
  }

  /// A process without the store leads to the writer's console.
  @Test func aProcessLeadsToItsWriter() async throws {
    let bank = try await TestWriter(Bank())
    func ask(_ feed: FeedSource?) async throws -> JSONResponse {
      var api = bank.api
      let parts = try #require(api.consoleParts)
      api.consoleParts = ConsoleParts(
        application: parts.application, process: parts.process, feed: feed)
      let console = try #require(
        Console(of: api, isLoopback: true, isEncrypted: false, logger: Logger(label: "test")))
      var request = APIRequest(.get, "/console/api/writer")
      request.asker = Asker(role: .read)
      return await console.routes.answer(request)
    }
    let endpoint = try #require(HTTPEndpoint("http://writer:8080"))
    let answer = try await ask(.writer(endpoint))
    #expect(answer.status == .temporaryRedirect)
    #expect(answer.headers[.location] == "http://writer:8080/console/")
    #expect(try await ask(nil).status == .notFound)
  }
}
