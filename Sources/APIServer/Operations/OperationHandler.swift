import Features
import HostAPI
import HostAPIServer
import JSON
import NIOCore
import NIOHTTP1
import SettingsModel
import SettingsStore
import Systemd

/// Answers each operation of the API.
struct OperationHandler: Sendable {
    let service: HostService
    let features: FeatureSet
    let templates: String
    let os: OSInfo
    let bootReports: BootReports
    let updater: UpdaterRelay
    let containers: ContainerStates
    let containerEvents: ContainerEvents
    let usesSystemd: Bool
    /// When the server started, in seconds since 1970.
    let startTime: Int64

    /// Answers a request.
    ///
    /// - Throws: the problem that the client is told.
    func answer(_ request: APIRequest) async throws(Problem) -> APIReply {
        // No default: an operation without an answer must not compile.
        switch request.operation {
        case .getAll: try all(request)
        case .getSettings: try settings(request)
        case .patchSettings: try await patch(request)
        case .patchKeyPairs: try await patchKeyPairs(request)
        case .deleteSettings: try await deleteSettings(request)
        case .getTransaction: .json(transaction(request).settings)
        case .getTransactionWithMetadata: .json(transaction(request).json)
        case .deleteTransaction: try await discard(request)
        case .listTransactions: .json(.array(snapshot.transactions.keys.sorted().map { .string($0) }))
        case .commit: try await commit(request)
        case .apply: await apply(request)
        case .commitAndApply: try await commitAndApply(request)
        case .listGenerations: try await listGenerations()
        case .getGeneration: try await generation(request)
        case .compareGenerations: try await compare(request)
        case .restoreGeneration: try await restore(request)
        case .confirmCommit: try await confirm(request)
        case .getOS: try osInfo(request)
        case .getAffectedServices: affectedServices(request)
        case .getGenerators: .json(.object(generators { $0.version1 }))
        case .getGeneratorsV2: .json(.object(generators { $0.json }))
        // Values are made by generators alone.
        case .getTemplates: .json([:])
        case .getServices: try pick(request, services, what: "service")
        case .getConfigurationFiles: try pick(request, configurationFiles, what: "configuration file")
        case .getHostContainers: .json(.object(await containers.all().mapValues(\.json)))
        case .reboot: try await reboot(request)
        case .lockdown: try await lockdown(request)
        case .refreshUpdates, .prepareUpdate, .activateUpdate, .deactivateUpdate:
            try await updater.command(request)
        case .getUpdateStatus: try await updater.status()
        // The updater's own, on its own socket.
        case .commitBoot, .rollBack:
            throw RouteTable.unknownPathProblem(RouteTable.endpoint(for: request.operation).path)
        // Requests that ask for the upgrade are answered by the transport.
        case .exec: throw Problem(status: 426, detail: Self.upgradeRequired)
        case .getHealth: .json(await health().json)
        case .postBootReport: try report(request)
        case .getMetrics: await metrics()
        case .watchEvents: try await watch(request)
        case .getReport: await hostReport()
        case .getOpenAPI: .json(Self.openAPI)
        }
    }

    /// `GET /settings` without a query: the answer that pollers ask for all the time.
    func ready(_ head: HTTPRequestHead) -> ReadyAnswer? {
        guard head.method == .GET, head.uri == "/settings",
            head.headers.first(name: "content-length").map({ $0 == "0" }) ?? true,
            !head.headers.contains(name: "transfer-encoding")
        else { return nil }
        service.parts.metrics.answeredSettings()
        return service.snapshots.settingsAnswer
    }

    var snapshot: Snapshot { service.snapshots.value }

    private static let upgradeRequired =
        "this is a WebSocket: ask for it with Connection: Upgrade, Upgrade: websocket and Sec-WebSocket-Version: 13, before any other request of the connection"
    private static let openAPI = ByteBuffer(string: OpenAPI.document.description)
}

extension APIReply {
    /// 200 with a list of keys.
    static func keys(_ keys: some Sequence<SettingKey>) -> APIReply {
        .json(.array(keys.sorted().map { .string($0.description) }))
    }
}
