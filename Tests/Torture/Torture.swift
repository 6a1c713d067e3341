import ArgumentParser
import FaultScenarios

@main
struct Torture {
  static func main() async {
    await TortureCommand.main()
  }
}
