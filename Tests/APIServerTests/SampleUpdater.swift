import Glibc
import HostAPI
import HostAPIServer
import JSON
import Logging
import Synchronization
import TestSupport

/// Stands for the updater: the real transport, with answers that a test chooses.
final class SampleUpdater: Sendable {
    let events = EventHub(limit: 16)
    private let path: String
    private let server: Mutex<HostAPIServer?> = Mutex(nil)
    private let answers: Mutex<[Operation: @Sendable () async throws(Problem) -> APIReply]> = Mutex([:])
    private let asked: Mutex<[Operation]> = Mutex([])
    private let version: Mutex<String?> = Mutex(nil)

    init(at path: String) { self.path = path }

    /// The operations that were asked for, in their order, without those of `events`.
    var requests: [Operation] { asked.withLock { $0 } }

    /// The last parameter `version` that came.
    var lastVersion: String? { version.withLock { $0 } }

    func answer(
        _ operation: Operation,
        _ body: @escaping @Sendable () async throws(Problem) -> APIReply
    ) { answers.withLock { $0[operation] = body } }

    func start() async throws {
        let socket = try ListeningSocket.bind(path: path, mode: 0o600)
        let server = try await HostAPIServer(
            socket: socket,
            events: events,
            service: .init(answer: { request async throws(Problem) in try await self.reply(request) }),
            logger: Logger(label: "updater") { _ in SwiftLogNoOpLogHandler() }
        )
        self.server.withLock { $0 = server }
    }

    func stop() async {
        await server.withLock { server in
            defer { server = nil }
            return server
        }?.stop()
        unlink(path)
    }

    private func reply(_ request: APIRequest) async throws(Problem) -> APIReply {
        if request.operation == .watchEvents { return try events.reply(to: request) }
        asked.withLock { $0.append(request.operation) }
        if let text = request.parameters.text("version") { version.withLock { $0 = text } }
        guard let answer = answers.withLock({ $0[request.operation] }) else {
            throw Problem(status: 404, detail: "nothing is known of \(request.operation.rawValue)")
        }
        return try await answer()
    }

    /// A status as the updater gives it.
    static func status(_ more: [String: JSONValue] = [:]) -> JSONValue {
        let status: JSONValue = [
            "update_state": "Available", "available_updates": ["1.3.0"],
            "chosen_update": ["arch": "x86_64", "version": "1.3.0", "variant": "dev"],
            "active_partition": nil, "staging_partition": nil,
            "most_recent_command": [
                "cmd_type": "refresh", "cmd_status": "Success", "timestamp": "2026-01-31T12:00:00Z",
                "exit_status": 0, "stderr": nil,
            ],
        ]
        return .object((status.members ?? [:]).merging(more) { $1 })
    }
}

/// A host whose API server and updater both run in this process.
func withUpdater<Result>(
    _ body: (TestHost, SampleUpdater) async throws -> Result
) async throws -> Result {
    let host = try TestHost()
    let updater = SampleUpdater(at: host.updaterSocket)
    try await updater.start()
    let result = try await withServer(host) { try await body(host, updater) }
    await updater.stop()
    return result
}
