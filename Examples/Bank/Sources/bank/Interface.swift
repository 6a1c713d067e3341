import Eventually
import EventuallyServer

// The bodies of commands and answers, which stay as they are when the domain changes.

struct Name: Codable { var name: String }
struct Open: Codable { var customer: String }
struct Amount: Codable { var cents: Int64 }

struct Movement: Codable {
  var number: Int64
  var time: Timestamp
  var cents: Int64
  var balance: Int64

  init(_ row: MovementRow) {
    (number, time, cents, balance) = (row.key.number, row.time, row.cents, row.balance)
  }
}

extension Account.Failure: CommandRefusal {
  var status: HTTPStatus {
    switch self {
    case .customerMissing, .amountOutOfRange: .unprocessableContent
    case .notOpened: .notFound
    case .alreadyOpened, .closed, .notCovered, .notEmpty, .full: .conflict
    }
  }

  var message: String {
    switch self {
    case .customerMissing: "an account has a customer"
    case .amountOutOfRange:
      "an amount is from \(Account.amounts.lowerBound) to \(Account.amounts.upperBound) cents"
    case .notOpened: "there is no such account"
    case .alreadyOpened: "the account has been opened before"
    case .closed: "the account is closed"
    case .notCovered(let balance): "the account has \(balance) cents only"
    case .notEmpty(let balance): "the account still has \(balance) cents"
    case .full: "the account takes no more"
    }
  }
}

extension Customer.Failure: CommandRefusal {
  var status: HTTPStatus {
    switch self {
    case .nameMissing: .unprocessableContent
    case .notRegistered: .notFound
    case .alreadyRegistered: .conflict
    }
  }

  var message: String {
    switch self {
    case .nameMissing: "a customer has a name"
    case .notRegistered: "there is no such customer"
    case .alreadyRegistered: "the customer has been registered before"
    }
  }
}
