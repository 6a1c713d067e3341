import ArgumentParser
import OrdersApp

@main
struct Admin {
  static func main() async {
    await AdminCommand.runProcess(signals: .cancelling)
  }
}
