import Features
import Glibc
import HostAPI
import Logging
import NIOCore
import NIOPosix
import SettingsApply
import SettingsStore
import Systemd

/// The API server of one host, from its first client to its last.
public final class APIServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let server: HTTPServer
    private let service: HostService
    private let signsOfLife: Task<Void, Never>
    /// The socket that the server made itself and removes.
    private let ownSocket: String?
    /// Where the server listens, for its log.
    public let address: String
    /// The generation in force when the server started.
    public let generation: UInt64

    /// Opens the store and begins to serve.
    ///
    /// - Parameters:
    ///   - options: the command line.
    ///   - limits: what clients may take.
    ///   - inheritedSocket: a listening socket to use instead of making one.
    ///   - services: who restarts services; nil for what the options say.
    ///   - logger: the log.
    /// - Throws: `APIServerError`, `StoreError`, `FeatureError`, or what NIO throws for the socket.
    public init(
        _ options: APIServerOptions,
        limits: ServerLimits = ServerLimits(),
        inheritedSocket: Int32? = nil,
        services: (any ServiceRestarter)? = nil,
        logger: Logger
    ) async throws {
        let now: @Sendable () -> Int64 = { Int64(time(nil)) }
        let os = try OSRelease(path: options.osRelease)
        let features = try FeatureSet.load(directory: options.features)
        try BoundedFile.makeFolder(options.root)
        let (store, first) = try HostService.open(
            FolderStoreFiles(path: options.state),
            osVersion: os["VERSION_ID"],
            defaults: features.defaults,
            now: now
        )
        let lockFile = "\(options.root)/settings-locked"
        let snapshots = SnapshotBox(first)
        if access(lockFile, F_OK) == 0 { snapshots.update { $0.isLocked = true } }
        generation = first.inForce.generation.number

        let restarter: any ServiceRestarter =
            services ?? (options.usesSystemd ? SystemdRestarter() : NoServices())
        let osInfo = OSInfo(
            prettyName: os["PRETTY_NAME"],
            variantID: os["VARIANT_ID"],
            versionID: os["VERSION_ID"],
            buildID: os["BUILD_ID"],
            arch: OSRelease.architecture
        )
        let applier = Applier(
            features: features,
            templates: options.templates,
            root: options.root,
            services: restarter,
            os: osInfo.json
        )
        let events = EventHub(limit: limits.watchers)
        let metrics = Metrics(startTime: now())
        let service = HostService(
            store: store,
            snapshots: snapshots,
            parts: .init(
                queue: ApplyQueue(applier: applier, now: now) { snapshots.value.inForce.settings },
                events: events,
                metrics: metrics,
                logger: logger,
                lockFile: lockFile,
                applyDebt: ApplyDebt(path: "\(options.root)/apply-pending", logger: logger),
                now: now
            )
        )
        self.service = service
        for warning in service.storeWarnings { logger.warning("settings store: \(warning)") }
        await service.start()

        let responder = APIResponder(
            handler: OperationHandler(
                service: service,
                features: features,
                templates: options.templates,
                os: osInfo,
                bootReports: BootReports(path: "\(options.root)/boot-report.json"),
                usesSystemd: options.usesSystemd,
                startTime: now()
            ),
            limits: limits
        )
        ownSocket = inheritedSocket == nil ? options.socket : nil
        address = inheritedSocket == nil ? options.socket : "the socket from systemd"
        let socket = try inheritedSocket ?? ListeningSocket.bind(path: options.socket, mode: 0o660)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        server = try await HTTPServer(
            socket: socket,
            loop: group.next(),
            limits: limits,
            answers: .init(
                ready: { responder.ready($0) },
                responder: { request, writer, channel, peer in
                    try await responder.respond(request, writer, channel, peer)
                },
                refused: { metrics.answered(nil, status: $0, took: .zero) },
                connections: { metrics.connections($0) }
            ),
            logger: Logger(label: "http") { _ in SwiftLogNoOpLogHandler() }
        )
        signsOfLife = Task {
            var idlePages = IdlePages()
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(15))
                events.sendSignOfLife()
                _ = idlePages.look(answered: metrics.requestsAnswered)
            }
        }
    }

    /// Comes back when both the event loop and the owner of the store have answered: they do not hang.
    public func ping() async {
        try? await group.next().submit {}.get()
        await service.ping()
    }

    /// Stops accepting clients, lets requests finish for a few seconds, and frees everything.
    public func stop() async {
        signsOfLife.cancel()
        service.parts.events.stop()
        await server.stop()
        if let ownSocket { unlink(ownSocket) }
        try? await group.shutdownGracefully()
    }
}

/// Restarts nothing: for hosts without systemd, as in tests.
struct NoServices: ServiceRestarter {
    func perform(_ restart: Feature.Restart) async -> (ApplyReport.Outcome, String?) {
        (.skipped, "not done: the server runs with --no-systemd")
    }
}
