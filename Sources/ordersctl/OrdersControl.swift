import EventuallyCommand
import Orders

@main
struct OrdersControl {
  static func main() async {
    await Shop.main()
  }
}
