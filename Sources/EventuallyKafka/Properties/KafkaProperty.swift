import CKafkaShim

/// What librdkafka itself says of its properties.
package enum KafkaProperty {
  /// The names of all properties that its documentation has, aliases among them.
  package static let names: Set<String> = {
    var names: Set<String> = []
    withUnsafeMutablePointer(to: &names) { names in
      cks_known_settings(
        { context, name in
          context?.assumingMemoryBound(to: Set<String>.self).pointee.insert(String(cString: name))
        }, names)
    }
    return names
  }()

  /// Makes sure that a setting is one that librdkafka knows, has a value that can be, and breaks no guarantee. What two
  /// settings together can't be, and files that they name, ``KafkaConfiguration/check()`` finds out.
  /// - Throws: ``KafkaError`` that names the property, and never shows a secret.
  package static func check(_ setting: KafkaSetting) throws(KafkaError) {
    try GuardedProperty.check(setting)
    try withShimSettings([setting]) { (settings) throws(KafkaError) in
      var error = cks_error()
      guard let first = settings.first, !cks_check_setting(first, &error) else { return }
      throw KafkaError(error, "the Kafka property \(setting.name.prefix(80))")
    }
  }

  /// What Kafka's Java clients call what librdkafka has under another name.
  package static let namesInJava: [String: String] = [
    "sasl.jaas.config": "sasl.username and sasl.password",
    "ssl.truststore.location": "ssl.ca.location, a file of PEM",
    "ssl.truststore.certificates": "ssl.ca.pem",
    "ssl.keystore.key": "ssl.key.pem", "ssl.keystore.certificate.chain": "ssl.certificate.pem",
  ]
}
