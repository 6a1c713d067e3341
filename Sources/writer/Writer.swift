import EventuallyCommand
import Orders

@main
struct Writer {
  static func main() async {
    await Shop.run(as: .writer)
  }
}
