import ArgumentParser
import OrdersApp

@main
struct DevelopmentBroker {
  static func main() async {
    await DevelopmentBrokerCommand.runProcess()
  }
}
