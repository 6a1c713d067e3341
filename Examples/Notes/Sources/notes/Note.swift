import Eventually

/// A note: it is written once, and tagged at any time.
struct Note: Aggregate {
  static let category: StreamCategory = "note"

  enum Event: Codable {
    case written(text: String)
    case tagged(tag: String)
  }

  enum Command { case write(String), tag(String) }
  enum Failure: Error, CaseIterable { case alreadyWritten, notWritten }

  struct State: Codable {
    var text: String?
    var tags: Set<String> = []
  }

  var initialState: State { State() }

  func apply(_ event: Event, to note: inout State) {
    switch event {
    case .written(let text): note.text = text
    case .tagged(let tag): note.tags.insert(tag)
    }
  }

  func handle(_ command: Command, id: String, state note: State) throws(Failure) -> [Event] {
    switch command {
    case .write(let text):
      guard note.text == nil else { throw .alreadyWritten }
      return [.written(text: text)]
    case .tag(let tag):
      guard note.text != nil else { throw .notWritten }
      return note.tags.contains(tag) ? [] : [.tagged(tag: tag)]
    }
  }
}
