import EventuallyCommand
import Orders

@main
struct Projector {
  static func main() async {
    await Shop.run(as: .projector)
  }
}
