import EventuallyCommand
import Orders

@main
struct DevelopmentBroker {
  static func main() async {
    await Shop.run(as: .broker)
  }
}
