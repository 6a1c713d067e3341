import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin verify`
  struct Verify: CrashSupervised {
    static let configuration = CommandConfiguration(
      abstract: "Fold the store's events from zero and compare every read model row by row.",
      discussion: """
        The store is looked through for damage first. Each read model is compared in place, at the position that it has \
        reached; the fold takes as much room in the temporary folder (TMPDIR) as the read model, and 20 MB. How many events it lags behind is \
        shown. Events that are parked or were dropped are left out, and counted. The exit code is 1 where something is damaged, where a row \
        differs, where a partition is held before an event that can't be read, or where --caught-up is given and a read model lags behind or has parked events. The digest is SHA-256 over all rows: equal digests are equal read models.
        """)

    @OptionGroup var targets: ReadModelArguments
    @Flag(help: "Fail where a read model has not applied all of the store's events.")
    var caughtUp = false

    func run() async throws {
      let log = try await targets.files.openStore()
      let wanted = try await targets.existing()
      var isRight = try await checkStore()
      for name in wanted {
        let outcome = try await verify(name, name.definition, log)
        try report(
          outcome.damage, in: "the read model \(name.name) in \(outcome.path)",
          "run \(Program.admin) replay \(name.name)"
            + (targets.files.readModels.dialect == .sqlite
              ? ", or stop its workers and move the file and its -wal away" : "")
        )
        try show(name, outcome)
        if !outcome.isRight || (caughtUp && (outcome.lag > 0 || outcome.parked > 0)) {
          isRight = false
        }
      }
      if !isRight { throw ExitCode(1) }
    }

    private func verify(
      _ name: ReadModelName, _ definition: some ReadModelDefinition, _ log: any StoreLog
    ) async throws -> VerificationOutcome {
      let scratch = try ScratchFolder("eventually-verify-\(name.name)")
      defer { withExtendedLifetime(scratch) {} }
      let progress = Locked(ProgressLine())
      defer { progress.withLock { $0.finish() } }
      return try await ReadModelVerification(
        name.catalog(in: targets.files.readModels), model: definition.model,
        codec: definition.codec,
        log: log,
        scratch: scratch.path
      ).verify { done in
        progress.withLock { $0.show("verifying \(name.name)", fraction: done) }
      }
    }

    /// Whether nothing is wrong with the store.
    private func checkStore() async throws -> Bool {
      let store = targets.files.store
      var progress = ProgressLine()
      let damage = try await store.findDamage { progress.show("checking \(store)", fraction: $0) }
      progress.finish()
      if let leftOut = damage.leftOut { remark(leftOut) }
      try report(damage.findings, in: "the store \(store)", damage.wayBack)
      return damage.findings.isEmpty
    }

    private func report(_ damage: [String], in what: String, _ wayBack: String) throws {
      guard !damage.isEmpty else { return }
      try Output.standard.line("\(what) is DAMAGED: \(wayBack)")
      for finding in damage { try Output.standard.line("  \(finding)") }
    }

    private func show(_ name: ReadModelName, _ outcome: VerificationOutcome) throws {
      let verdict =
        outcome.differenceCount == 0
        ? "equal to the fold of \(grouped(outcome.events)) events"
        : "DIFFERS in \(grouped(outcome.differenceCount)) rows"
      var parked = ""
      if outcome.parked > 0 { parked += "\(grouped(outcome.parked)) events parked, " }
      if outcome.dropped > 0 { parked += "\(grouped(outcome.dropped)) events dropped, " }
      try Output.standard.line(
        "\(name.name): \(verdict), \(grouped(outcome.rows)) rows, lag \(grouped(outcome.lag)), "
          + "\(parked)digest \(outcome.digest)")
      for stream in outcome.parkedByFold {
        try Output.standard.line("  the fold leaves out \(stream.summary)")
      }
      for held in outcome.held {
        try Output.standard.line("  \(held.description + held.hint(readModel: name.name))")
      }
      for difference in outcome.differences {
        let key = ReadModelDigest.text(difference.table, difference.key).dropLast()
        func columns(_ values: [ColumnValue]?) -> String {
          values.map { String(ReadModelDigest.text(difference.table, $0).dropLast()) } ?? "no row"
        }
        try Output.standard.line(
          "  \(key): expected \(columns(difference.expected)), "
            + "found \(columns(difference.found))")
      }
    }
  }
}
