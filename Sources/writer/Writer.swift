import ArgumentParser
import OrdersApp

@main
struct Writer {
  static func main() async {
    await WriterCommand.runProcess()
  }
}
