import FaultScenarios
import Testing

/// What the scenarios are told of the applications.
struct TortureApplicationTests {
  private static let applications: [any TortureApplication] = [
    OrdersApplication(), NotesApplication(),
  ]

  @Test(arguments: applications.indices)
  func theSameSeedGivesTheSameCommands(_ index: Int) {
    let application = Self.applications[index]
    var ids: Set<String> = []
    for number in 1...200 {
      let entity = application.commands(number, seed: 7)
      #expect(
        entity.commands.map(\.json) == application.commands(number, seed: 7).commands.map(\.json))
      #expect(ids.insert(entity.id).inserted)
      #expect(entity.commands.allSatisfy { $0.events > 0 && $0.path.contains(entity.id) })
      // To repeat a command of a note appends nothing: its events are counted by commands that differ.
      #expect(Set(entity.commands.map { $0.path + $0.json }).count == entity.commands.count)
    }
    #expect(application.commands(1, seed: 7).id != application.commands(1, seed: 8).id)
    #expect(application.fourCommands(on: "a").map(\.events) == [1, 1, 1, 1])
  }

  @Test func whatOnlyOrdersHaveIsNotPlayedWithNotes() {
    let notes = NotesApplication()
    let left = Scenario.all.filter { scenario in
      scenario.needs.contains { !notes.abilities.contains($0) }
    }
    #expect(
      Set(left.map(\.name)) == [
        "writer-killed-after-removal", "writer-killed-after-erasure", "commands-repeated",
        "import-killed",
        "topic-truncated", "broker-data-lost", "hostile-client", "everything-killed",
      ])
    for scenario in left {
      #expect(scenario.obstacle(on: .development, with: notes) != nil, "\(scenario)")
      let choices: [StoreChoice] = [.files, .postgres(server: nil)]
      #expect(
        choices.contains { scenario.obstacle(on: .development, storesIn: $0) == nil },
        "\(scenario)")
    }
  }
}
