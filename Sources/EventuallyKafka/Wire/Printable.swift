extension String {
  /// The text with everything but printable ASCII characters escaped: for what comes from outside and is shown to people, in
  /// logs and on terminals.
  var printable: String {
    var text = ""
    for scalar in unicodeScalars {
      if (0x20...0x7E).contains(scalar.value) {
        text.unicodeScalars.append(scalar)
      } else {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return text
  }
}
