internal import Glibc
internal import HostAPI
internal import HostAPIClient
internal import JSON
internal import SettingsModel

/// What the steps of the boot ask of the host's API.
struct LaunchClient: Sendable {
    /// Bytes of settings in one request: far below the server's limit of 1 MiB.
    private static let pieceSize = 256 << 10

    private let client: HostAPIClient

    init(socket: String) { client = HostAPIClient(socketPath: socket) }

    /// Adds settings to the boot's transaction.
    func stage(_ document: SettingsDocument, isWeak: Bool) async throws(HostAPIError) {
        var piece = SettingsDocument()
        var size = 0
        for (key, value) in document.values.sorted(by: { $0.key < $1.key }) {
            let length = key.description.utf8.count + value.description.utf8.count
            if size + length > Self.pieceSize, !piece.values.isEmpty {
                try await stagePiece(piece, isWeak: isWeak)
                piece = SettingsDocument()
                size = 0
            }
            piece.values[key] = value
            size += length
        }
        if !piece.values.isEmpty { try await stagePiece(piece, isWeak: isWeak) }
    }

    private func stagePiece(_ piece: SettingsDocument, isWeak: Bool) async throws(HostAPIError) {
        let query = [("tx", HostPaths.transaction), ("strength", isWeak ? "weak" : "strong")]
        _ = try await client.call(.patchSettings, query: query, body: piece.json)
    }

    /// Drops the boot's transaction.
    func discard() async throws(HostAPIError) {
        _ = try await client.call(.deleteTransaction, query: [("tx", HostPaths.transaction)])
    }

    /// The keys that have a value other than a default: set by people, generated, or pending in the boot's transaction.
    func keysWithValues() async throws -> Set<SettingKey> {
        let query = [("tx", HostPaths.transaction)]
        let pending = try await client.call(.getTransaction, query: query).json()
        var keys = Set(SettingsDocument.sift(stored: pending).values.keys)
        guard let detail = try await currentGeneration() else { return keys }
        for layer in [detail.strong, detail.weak] {
            keys.formUnion(SettingsDocument.sift(stored: layer).values.keys)
        }
        return keys
    }

    /// The settings that are set and last: without defaults, and without those that hold until the next boot.
    func lastingSettings() async throws -> SettingsDocument {
        try await currentGeneration().map { SettingsDocument.sift(stored: $0.strong) } ?? SettingsDocument()
    }

    private func currentGeneration() async throws -> GenerationDetail? {
        let list = try await client.call(.listGenerations).json().elements ?? []
        let summaries = try list.map { json throws(PayloadError) in try GenerationSummary(json: json) }
        guard let current = summaries.first(where: \.isCurrent) else { return nil }
        let answer = try await client.call(.getGeneration, path: ["number": String(current.number)])
        return try GenerationDetail(json: answer.json())
    }

    /// Commits the boot's transaction; false if nothing was pending in it.
    func commit() async throws -> Bool {
        let query = [("tx", HostPaths.transaction)]
        do {
            _ = try await client.call(.commit, query: query)
            return true
        } catch {
            guard case .problem(let problem) = error, problem.status == 422,
                try await client.call(.getTransaction, query: query).json() == [:]
            else { throw error }
            return false
        }
    }

    /// Renders every file and restarts what reads it.
    func applyEverything() async throws -> ApplyResult {
        // Each service has its own limit in the server, which is shorter.
        let answer = try await client.call(.apply, query: [("report", "true")], timeLimit: .seconds(600))
        return try ApplyResult(json: answer.json())
    }

    /// Sets the mode of a bootstrap container or of bootstrap commands to `off`, and renders what follows it.
    ///
    /// - Parameters:
    ///   - group: the group of settings.
    ///   - name: the name in it.
    func switchOff(_ group: String, _ name: String) async throws {
        let query = [("tx", "bulkhead-bootstrap")]
        let settings: JSONValue = .object([group: .object([name: ["mode": "off"]])])
        _ = try await client.call(.patchSettings, query: query, body: settings)
        _ = try await client.call(.commitAndApply, query: query, timeLimit: .seconds(120))
    }

    /// Tells the server what a step found, so that `GET /health` shows it.
    func report(_ report: BootReport) async throws {
        _ = try await client.call(.postBootReport, body: report.json)
    }
}

extension HostAPIError {
    /// Why the server refuses the request and will do so again; nil where another try may succeed.
    var finalRefusal: String? {
        guard case .problem(let problem) = self, (400..<500).contains(problem.status),
            // Too slow, locked down until the next boot, too often.
            ![408, 423, 429].contains(problem.status)
        else { return nil }
        return problem.detail
    }
}

extension BootReport {
    /// A step's report of at most as much as the server takes.
    static func of(_ step: Step, _ problems: [HealthProblem]) -> BootReport {
        BootReport(step: step, problems: Array(problems.prefix(maximumProblems)))
    }
}

extension HealthProblem {
    private static let longest = 4000

    /// A problem that is found now; texts are shortened to what the server takes.
    init(found source: String, key: String? = nil, value: String? = nil, _ message: String) {
        func short(_ text: String) -> String {
            text.unicodeScalars.count <= Self.longest
                ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(Self.longest))) + "..."
        }
        self.init(
            source: source,
            key: key.map(short),
            value: value.map(short),
            message: short(message),
            time: Timestamp(seconds: Int64(Glibc.time(nil)))
        )
    }
}
