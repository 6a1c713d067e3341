import Foundation

/// What a collector says that it did not take: `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"…"}}`. A success is an answer
/// by its status already, so that a body with anything else says that all was taken.
struct OTLPAnswer: Equatable {
  var refusedSpans = 0
  var message = ""

  init(_ body: [UInt8]) {
    guard let answer = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
      let partial = answer["partialSuccess"] as? [String: Any]
    else { return }
    // 64-bit numbers are texts in protobuf's JSON; readers take both.
    refusedSpans =
      (partial["rejectedSpans"] as? String).flatMap { Int($0) }
      ?? partial["rejectedSpans"] as? Int ?? 0
    message = partial["errorMessage"] as? String ?? ""
  }
}
