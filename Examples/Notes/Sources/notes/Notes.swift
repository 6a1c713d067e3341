import Eventually
import EventuallyCommand
import EventuallyServer
import Foundation

// Notes with tags. 'swift run notes all' runs everything in one process; 'swift run notes --help' lists all commands.

struct Text: Codable { var text: String }
struct Tag: Codable { var tag: String }

@main struct Notes: EventuallyApplication {
  static let name = "notes"
  static let permitsFaultInjection = true

  var components: [any Component] {
    Note()
    Tags()
    Commands("notes", for: Note.self) {
      Command("write", "Write a note") { (body: Text) in .write(body.text) }
        .example(["text": "Water the plants"])
      Command("tag", "Give a note a tag") { (body: Tag) in .tag(body.tag) }
        .example(["tag": "garden"])
    }
    .example(.written(text: "Water the plants"), .tagged(tag: "garden"))
    Query("tags", of: Tags.self, "All tags, the most used first", parameters: .page) {
      request, rows in
      try request.page(of: TagRow.self, in: rows, orderedBy: [.descending("notes")])
    }
    Query("tags/{tag}", of: Tags.self, "A tag") { request, rows in
      try rows.row(TagRow.self, request.path("tag"))
    }
    ConsolePage("tags", "Tags", module: "tags.js", in: .module)
  }
}
