import ContainerExec
import Containers
import Features
import Glibc
import HostAPI
public import HostAPIServer
import Logging
import NIOPosix
import SettingsApply
import SettingsStore
import Systemd

/// The API server of one host, from its first client to its last.
public final class APIServer: Sendable {
    private let server: HostAPIServer
    private let service: HostService
    private let updater: UpdaterRelay
    private let containerEvents: ContainerEvents
    private let runtime: ContainerRuntime
    private let exec: ExecService
    /// The generation in force when the server started.
    public let generation: UInt64

    /// Opens the store and begins to serve.
    ///
    /// - Parameters:
    ///   - options: the command line.
    ///   - limits: what clients may take.
    ///   - socket: a listening Unix socket, which the server owns from now on.
    ///   - services: who restarts services; nil for what the options say.
    ///   - logger: the log.
    /// - Throws: `APIServerError`, `StoreError`, `FeatureError`, or what NIO throws for the socket.
    public init(
        _ options: APIServerOptions,
        limits: ServerLimits = ServerLimits(),
        socket: Int32,
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
                queue: ApplyQueue(
                    applier: applier,
                    failures: ApplyFailures(path: "\(options.root)/apply-failures.json", logger: logger),
                    now: now
                ) { snapshots.value.inForce.settings },
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

        let updater = UpdaterRelay(socketPath: options.updaterSocket, hub: events, logger: logger)
        self.updater = updater
        let startTime = now()
        let containers = ContainerStates(
            folder: "\(options.root)/host-containers",
            usesSystemd: options.usesSystemd,
            startTime: startTime,
            settings: { snapshots.value.inForce.settings }
        )
        containerEvents = ContainerEvents(states: containers, hub: events)
        let handler = OperationHandler(
            service: service,
            features: features,
            templates: options.templates,
            os: osInfo,
            bootReports: BootReports(path: "\(options.root)/boot-report.json"),
            updater: updater,
            containers: containers,
            containerEvents: containerEvents,
            usesSystemd: options.usesSystemd,
            startTime: startTime
        )
        let runtime = ContainerRuntime(
            socket: options.containersSocket,
            namespace: "host",
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            patience: .seconds(3)
        )
        self.runtime = runtime
        let execFolder = "\(options.root)/exec"
        try BoundedFile.makeFolder(execFolder, mode: 0o700)
        let exec = ExecService(runner: ContainerRunner(runtime), folder: execFolder) {
            logger.info("\($0)")
        }
        self.exec = exec
        server = try await HostAPIServer(
            socket: socket,
            events: events,
            limits: limits,
            service: .init(
                answer: { request async throws(Problem) in try await handler.answer(request) },
                ready: { handler.ready($0) },
                upgrade: { exec.upgrade($0, $1, $2) },
                answered: { metrics.answered($0, status: $1, took: $2) },
                connections: { metrics.connections($0) }
            ),
            logger: logger
        )
    }

    /// Comes back when both the event loop and the owner of the store have answered: they do not hang.
    public func ping() async {
        await server.ping()
        await service.ping()
    }

    /// Stops accepting clients, lets requests finish for a few seconds, and frees everything.
    public func stop() async {
        await updater.events.stop()
        await containerEvents.stop()
        // While the event loop still carries what the sessions have to say.
        await exec.stop()
        await server.stop()
        await runtime.close()
    }
}

/// Restarts nothing: for hosts without systemd, as in tests.
struct NoServices: ServiceRestarter {
    func perform(_ restart: Feature.Restart) async -> (ApplyResult.Outcome, String?) {
        (.skipped, "not done: the server runs with --no-systemd")
    }
}
