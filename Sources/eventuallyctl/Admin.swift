import ArgumentParser
import OrdersApp

@main
struct Admin {
  static func main() async {
    await AdminCommand.main()
  }
}
