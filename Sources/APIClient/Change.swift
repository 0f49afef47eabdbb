import HostAPI
import HostAPIClient
import JSON
import Presentation
import SettingsModel

/// A change of settings: staged in a transaction of its own, committed, applied, and reported.
struct Change {
    /// What Bottlerocket's client puts before the reason of a failure.
    var failure: String
    var globals: GlobalOptions
    var isJSON: Bool
    var confirmWithin: Int?

    /// Commits and applies wait for services to restart, each of which has its own limit on the server.
    static let applyLimit = Duration.seconds(660)

    /// Stages with the client into the transaction of the name, commits, applies and prints what was done.
    ///
    /// - Throws: `CommandFailure` when nothing was changed, or when not everything is in effect.
    func run(
        named command: String,
        staging stage: (HostAPIClient, _ transaction: String) async throws -> Void
    ) async throws {
        let client = globals.client
        let transaction = "apiclient-\(command)-\(Self.randomName())"
        let result = try await CommandFailure.explaining(failure) {
            do {
                try await stage(client, transaction)
                return try await Self.commit(transaction, client: client, confirmWithin: confirmWithin)
            } catch {
                await discard(transaction, after: error)
                throw error
            }
        }
        try print(result)
    }

    /// Commits a transaction and applies it.
    static func commit(_ transaction: String, client: HostAPIClient, confirmWithin: Int?) async throws
        -> ApplyResult
    {
        var query = [("tx", transaction), ("report", "true")]
        if let confirmWithin { query.append(("confirm-within", String(confirmWithin))) }
        let answer = try await client.call(
            .commitAndApply,
            query: query,
            accept: "\(ApplyResult.mediaType), application/json;q=0.5",
            timeLimit: applyLimit
        )
        return try ApplyResult(answer: answer)
    }

    /// Prints what was done, and fails when not everything is in effect.
    func print(_ result: ApplyResult) throws {
        let lines = isJSON ? [result.json.prettyText] : result.lines(confirmWithin: confirmWithin)
        try Console.print(lines.joined(separator: "\n"))
        let failures = result.failures
        if failures.isEmpty { return }
        throw CommandFailure(
            "The settings are committed, but not all of them are in effect:\n"
                + failures.map { "  \($0)" }.joined(separator: "\n")
        )
    }

    /// Drops what was staged; where that fails too, says how it is done by hand.
    private func discard(_ transaction: String, after error: any Error) async {
        switch error {
        case HostAPIError.problem, HostAPIError.timedOut, HostAPIError.serverClosed, HostAPIError.cancelled:
            break
        // Without a connection nothing was staged.
        default: return
        }
        do {
            let limit = Duration.seconds(10)
            _ = try await globals.client.call(
                .deleteTransaction,
                query: [("tx", transaction)],
                timeLimit: limit
            )
        } catch {
            globals.info(
                "The transaction '\(transaction)' may still be pending: drop it with 'apiclient tx discard \(transaction)'"
            )
        }
    }

    /// Sixteen letters and digits.
    static func randomName() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<16).map { _ in letters.randomElement() ?? "0" })
    }
}

extension ApplyResult {
    /// Reads what a commit answered: the report, or the list of keys that Bottlerocket's server answers.
    init(answer: HostAPIResponse) throws(HostAPIError) {
        let json = try answer.json()
        if let keys = json.elements {
            self.init(changed: keys.compactMap(\.string))
            return
        }
        do throws(PayloadError) {
            try self.init(json: json)
        } catch {
            throw .invalidResponse(request: answer.request, reason: error.description)
        }
    }

    /// What was done, for people.
    func lines(confirmWithin: Int?) -> [String] {
        var lines = ["Nothing changed: the settings have these values already."]
        if !changed.isEmpty {
            lines = ["Changed \(HumanText.count(changed.count, "setting")):"]
            lines += changed.map { "  \(HumanText.safe($0))" }
        }
        let files = files.filter { $0.changed || $0.error != nil }
        if !files.isEmpty {
            var table = TextTable([("FILE", .left), ("RESULT", .left)])
            for file in files {
                table.add(HumanText.safe(file.path), file.error == nil ? "written" : "failed")
            }
            lines += [""] + table.lines(indent: 0)
        }
        if !services.isEmpty {
            var table = TextTable([("SERVICE", .left), ("COMMAND", .left), ("RESULT", .left)])
            for service in services {
                let reason = service.error.map { ": \($0)" } ?? ""
                table.add(
                    HumanText.safe(service.name),
                    HumanText.safe(service.command),
                    HumanText.safe(service.outcome.rawValue + reason)
                )
            }
            lines += [""] + table.lines(indent: 0)
        }
        lines += notices.map { "Note: \(HumanText.safe($0))" }
        if let confirmWithin {
            lines.append(
                "On trial: run 'apiclient confirm' within \(confirmWithin) seconds, or the settings before come back."
            )
        }
        return lines
    }

    /// What is not in effect, and why.
    var failures: [String] {
        files.compactMap { file in file.error.map { "\(HumanText.safe(file.path)): \(HumanText.safe($0))" } }
            + services.filter { $0.outcome == .failed || $0.outcome == .timedOut }.map { service in
                let reason =
                    service.error ?? (service.outcome == .timedOut ? "no end in time" : "no reason given")
                return
                    "\(HumanText.safe(service.name)) (\(HumanText.safe(service.command))): \(HumanText.safe(reason))"
            }
    }
}
