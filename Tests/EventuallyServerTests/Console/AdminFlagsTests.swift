import Eventually
import Foundation
import Testing

@testable import EventuallyServer

/// What a page tells to type, by what the process has.
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
}
