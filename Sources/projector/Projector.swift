import ArgumentParser
import OrdersApp

@main
struct Projector {
  static func main() async {
    await ProjectorCommand.runProcess()
  }
}
