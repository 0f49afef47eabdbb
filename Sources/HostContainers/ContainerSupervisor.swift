import Containers
import Glibc
import HostAPI
public import NIOCore
import OCI
import SmallFiles
import Systemd

/// What the unit of one container does: gets its image, runs it until it ends or shall end, and cleans up after it.
///
/// Each is a process of its own, so that the one that stays has nothing of the others in its memory.
public struct ContainerSupervisor: Sendable {
    /// How long fetching and unpacking an image may take.
    static let preparationLimit = Duration.seconds(30 * 60)
    /// How long a container may take to end after SIGTERM; SIGKILL follows.
    var stopLimit = Duration.seconds(20)
    /// How long a bootstrap container waits for servers to be in reach at all, as it has one attempt; a host container
    /// has the next one.
    var networkPatience = Duration.seconds(120)
    /// How long host-containerd may be away at a time.
    static let patience = Duration.seconds(120)

    let id: String
    let paths: HostContainerPaths
    let files: ContainerFiles
    let builder: ContainerSpecBuilder
    let eventLoop: any EventLoop
    let log: @Sendable (String) -> Void
    /// After how long a host container that runs has proved itself, so that its next end is none of a row.
    var steadyTime = Duration.seconds(10 * 60)
    /// Where the message bus is; nil for the system's.
    var bus: String?

    /// A supervisor.
    ///
    /// - Parameters:
    ///   - id: the container, as `HostContainerDefinition.id` has it.
    ///   - paths: where its files are.
    ///   - builder: what makes its specification.
    ///   - eventLoop: what the connection to containerd works on.
    ///   - log: takes lines for the journal.
    public init(
        id: String,
        paths: HostContainerPaths = HostContainerPaths(),
        builder: ContainerSpecBuilder = ContainerSpecBuilder(),
        eventLoop: any EventLoop,
        log: @escaping @Sendable (String) -> Void
    ) {
        (self.id, self.paths, self.builder, self.eventLoop, self.log) = (id, paths, builder, eventLoop, log)
        files = ContainerFiles(paths: paths)
    }

    private func connect() -> ContainerRuntime {
        ContainerRuntime(
            socket: paths.socket,
            namespace: HostContainerPaths.namespace,
            eventLoop: eventLoop
        )
    }

    // MARK: - Before

    /// Gets the container's image into the runtime, where it is not yet.
    ///
    /// - Throws: `HostContainersError`, after its reason is in the status.
    public func prepare() async throws {
        let definition = try files.definition(id)
        let reporter = StatusReporter(definition, files, log: log)
        let before = reporter.status
        let wasInForce = files.digestInForce(id) == definition.digest
        try files.setDigestInForce(definition.digest, of: id)
        try files.setStarted(false, id)
        let isAgain = wasInForce && [.exited, .failed].contains(before.state)
        reporter.enter(.starting) { status in
            status.restarts = isAgain ? before.restarts + 1 : 0
            if !isAgain { status.lastError = nil }
        }
        let runtime = connect()
        do {
            let image = try await ImagePreparation(
                definition: definition,
                paths: paths,
                runtime: runtime,
                eventLoop: eventLoop,
                reporter: reporter,
                networkPatience: networkPatience,
                log: log
            ).image()
            let digest = try await runtime.manifest(of: image).digest.description
            reporter.enter(.starting) { $0.image.digest = digest }
        } catch {
            reporter.fail("\(error)")
            await runtime.close()
            throw error
        }
        await runtime.close()
    }

    // MARK: - Meanwhile

    /// How a container ended.
    public enum End: Sendable, Equatable {
        /// By itself, with an exit code.
        case exited(UInt32)
        /// Because this process was asked to end.
        case stopped
    }

    /// Runs the container until it ends, or until this process gets SIGTERM or SIGINT.
    ///
    /// - Throws: `HostContainersError`, `ContainerError`, after the reason is in the status; nothing of the container runs
    ///   then.
    public func run() async throws -> End { try await run(until: StopRequest()) }

    func run(until stop: StopRequest) async throws -> End {
        // A journal that goes away must not end the container.
        signal(SIGPIPE, SIG_IGN)
        let definition = try files.definition(id)
        let reporter = StatusReporter(definition, files, log: log)
        let runtime = connect()
        do {
            let end = try await run(definition, runtime, reporter, stop)
            await runtime.close()
            return end
        } catch {
            reporter.fail("\(error)")
            try? await runtime.remove(id)
            await runtime.close()
            throw error
        }
    }

    private func run(
        _ definition: HostContainerDefinition,
        _ runtime: ContainerRuntime,
        _ reporter: StatusReporter,
        _ stop: StopRequest
    ) async throws -> End {
        // Its file is mounted, whatever becomes of the host's.
        let names = try FollowedFiles(
            [builder.host.hosts, builder.host.nameServers],
            in: paths.folder(id),
            log: log
        )
        defer { names.stop() }
        let output = try await start(definition, runtime, names)
        reporter.enter(.running)
        _ = try? Notifier().send(.ready)
        CodePages.release()
        let steady = Task { try await forgetRestarts(definition) }
        defer { steady.cancel() }
        let status = try await withThrowingTaskGroup(of: ExitStatus?.self) { group in
            group.addTask { [id] in try await runtime.wait(id, patience: Self.patience) }
            group.addTask {
                guard await stop.wait() else { return nil }
                _ = try? Notifier().send(.stopping)
                reporter.enter(.stopping)
                try await end(runtime)
                // The other task sees the end, or containerd is gone and systemd ends what is left.
                try await Task.sleep(for: .seconds(5))
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        output.finish()
        if stop.isReceived {
            // systemd ends what is left, and 'clean' comes once more.
            do throws(ContainerError) { try await runtime.remove(id) } catch { log("\(error)") }
            reporter.enter(.stopped) { $0.lastError = nil }
            return .stopped
        }
        try await runtime.remove(id)
        guard let status, !status.isLost else {
            let reason = "its supervisor in host-containerd ended, and the container with it; see the journal"
            reporter.fail(reason)
            return .exited(255)
        }
        if status.code == 0 {
            reporter.enter(.exited) { $0.lastError = nil }
        } else {
            let hint = "see 'journalctl -u \(definition.unit)'"
            reporter.fail("it ended with \(Self.words(for: status.code)); \(hint)")
        }
        return .exited(status.code)
    }

    /// Lets the pauses between starts begin anew: systemd makes them longer with each start, and never shorter, also for
    /// a container that ends once a week.
    private func forgetRestarts(_ definition: HostContainerDefinition) async throws {
        guard definition.kind == .host else { return }
        try await Task.sleep(for: steadyTime)
        do throws(SystemdError) { try connectToSystemd().resetFailed(unit: definition.unit) } catch {
            log("after its next end '\(id)' is started after the same pause as before: \(error)")
        }
    }

    private func start(
        _ definition: HostContainerDefinition,
        _ runtime: ContainerRuntime,
        _ names: FollowedFiles
    ) async throws -> ContainerOutput {
        // What a crash of host-containerd, of this process or of the host has left.
        try await runtime.remove(id)
        let name = try ImagePreparation.name(of: definition.source)
        guard let image = try await runtime.image(name) else {
            throw HostContainersError.image(
                source: definition.source,
                reason: "host-containerd does not have it; 'hostd host-container prepare \(id)' gets it"
            )
        }
        let config = try await runtime.configuration(of: image)
        let storage = paths.storage(definition)
        let spec = try builder.spec(
            definition,
            config: config,
            storage: storage,
            cgroup: Self.cgroup(),
            copies: names.copies
        )
        try await runtime.create(
            NewContainer(
                id: id,
                image: image,
                spec: spec.bytes,
                labels: [
                    "bulkhead.kind": definition.kind.rawValue, "bulkhead.definition": definition.digest,
                ],
                runtime: .runc(root: paths.records)
            )
        )
        let output = try ContainerOutput(in: paths.folder(id))
        output.start()
        do {
            _ = try await runtime.start(
                id,
                streams: StreamPaths(stdout: output.paths.output, stderr: output.paths.error)
            )
        } catch {
            output.finish()
            throw error
        }
        output.containerIsConnected()
        try files.setStarted(true, id)
        return output
    }

    /// Asks the container to end, and ends it if it does not.
    private func end(_ runtime: ContainerRuntime) async throws {
        do throws(ContainerError) { try await runtime.kill(id, signal: SIGTERM) } catch { log("\(error)") }
        try await Task.sleep(for: stopLimit)
        log("'\(id)' did not end within \(stopLimit.components.seconds) seconds: it is killed")
        do throws(ContainerError) {
            try await runtime.kill(id, signal: SIGKILL, all: true)
        } catch { log("\(error)") }
    }

    // MARK: - Afterwards

    /// Takes away what is left of the container in the runtime, however its processes ended.
    ///
    /// A host-containerd that does not answer is no error: the next start takes the rest away.
    public func clean() async {
        let runtime = connect()
        do throws(ContainerError) { try await runtime.remove(id) } catch {
            log("what is left of '\(id)' is taken away at its next start: \(error)")
        }
        await runtime.close()
        for name in ["stdout", "stderr"] { unlink("\(paths.folder(id))/\(name)") }
        guard let definition = try? files.definition(id) else {
            settleWithoutDefinition()
            return
        }
        let reporter = StatusReporter(definition, files, log: log)
        switch reporter.status.state {
        case .stopped, .exited, .failed: break
        case .pulling, .importing, .starting, .running, .stopping:
            // Nobody has written down how it ended: systemd has (systemd.exec(5)).
            let result = getenv("SERVICE_RESULT").map { String(cString: $0) } ?? "success"
            if result == "success" || reporter.status.state == .stopping {
                reporter.enter(.stopped)
            } else {
                reporter.fail("its supervisor ended by '\(result)'; see 'journalctl -u \(definition.unit)'")
            }
        }
    }

    /// A container that was taken out of the settings: its status says that it is gone.
    private func settleWithoutDefinition() {
        forgetFailure()
        guard var status = files.status(id) else { return }
        (status.state, status.desired, status.progress) = (.stopped, .stopped, nil)
        try? files.write(status, of: id)
    }

    /// Lets a unit that nobody wants any more end as stopped.
    ///
    /// To systemd it has failed when SIGTERM met the process of ExecStartPre= before that could install its handler.
    /// At ExecStopPost=, where this runs, that is not yet the state of the unit, only its result, which this sets back.
    private func forgetFailure() {
        let (name, kind) = HostContainerStatus.parts(ofID: id)
        guard kind == .host else { return }
        let unit = HostContainerDefinition.unit(kind, name)
        do throws(SystemdError) { try connectToSystemd().resetFailed(unit: unit) } catch {
            log("'\(unit)' may be shown as failed although it was stopped: \(error)")
        }
    }

    private func connectToSystemd() throws(SystemdError) -> ServiceManager {
        if let bus { try ServiceManager(address: bus) } else { try ServiceManager() }
    }

    /// The control group for the container, beside this process's own and below that of the unit.
    ///
    /// So systemd ends what is left and accounts for it. Nil outside of a unit that delegates its control group.
    static func cgroup(of text: String? = nil) -> String? {
        let own =
            text
            ?? String(
                decoding: (try? readSmallFile("/proc/self/cgroup", maximumLength: 64 << 10)) ?? [],
                as: UTF8.self
            )
        // The line of the unified hierarchy (cgroups(7)).
        guard let line = own.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else { return nil }
        let path = line.dropFirst(3)
        guard path.hasSuffix("/supervisor") else { return nil }
        return path.dropLast("supervisor".count) + "container"
    }

    private static func words(for code: UInt32) -> String {
        (129...192).contains(code) ? "signal \(code - 128)" : "status \(code)"
    }
}
