import Containers
import Glibc
import HostAPI
public import NIOCore
import SettingsModel
import Systemd

/// Makes the host containers be those that settings ask for: `hostd host-containers apply`.
///
/// Starts, restarts and stops are asked of systemd and not waited for, so that whoever changes a setting does not wait
/// for a pull.
public struct HostContainersApply: Sendable {
    private let paths: HostContainerPaths
    private let files: ContainerFiles
    private let address: String?
    private let log: @Sendable (String) -> Void

    /// What applies settings.
    ///
    /// - Parameters:
    ///   - paths: where the files are.
    ///   - address: where the message bus is; nil for the system's.
    ///   - log: takes lines for the journal.
    public init(
        paths: HostContainerPaths = HostContainerPaths(),
        address: String? = nil,
        log: @escaping @Sendable (String) -> Void
    ) {
        (self.paths, self.address, self.log) = (paths, address, log)
        files = ContainerFiles(paths: paths)
    }

    /// What came of it.
    public struct Outcome: Sendable, Equatable {
        /// What was wrong, one line each; empty if nothing was.
        public var problems: [String]
        /// The ids of all containers that may be there: wanted, just ending, or run by the boot.
        public var ids: Set<String>
    }

    /// Reads the settings and asks systemd for what follows.
    ///
    /// What is wrong with one container does not keep the others from being started or stopped.
    ///
    /// - Throws: `HostContainersError` when nothing could be done at all.
    public func run() throws(HostContainersError) -> Outcome {
        let settings = try ContainerSettings(reading: paths.settings)
        try BootstrapMarkers(paths: paths).removeStale(settings)
        var systemd: ServiceManager
        do throws(SystemdError) {
            systemd = if let address { try ServiceManager(address: address) } else { try ServiceManager() }
        } catch {
            throw .systemd(unit: "host-container@*.service", error)
        }
        var problems: [String] = []
        var wanted: Set<String> = []
        for (name, container) in settings.hostContainers.sorted(by: { $0.key < $1.key })
        where container.enabled == true {
            // Not stopped for what is wrong with its new definition.
            wanted.insert(name)
            do throws(HostContainersError) {
                try start(try settings.hostContainer(name, container), systemd)
            } catch {
                problems.append("\(name): \(error)")
                tell(name, container, "\(error)")
            }
        }
        let running = running(systemd)
        for name in running.subtracting(wanted).sorted() {
            do throws(HostContainersError) { try stop(name, systemd) } catch {
                problems.append("\(name): \(error)")
            }
        }
        // Their processes could not even be cleaned up after; the containers are swept away.
        for name in names(["failed"], systemd).subtracting(wanted) {
            try? systemd.resetFailed(unit: HostContainerDefinition.unit(.host, name))
        }
        let ids = wanted.union(running).map { HostContainerStatus.id(of: $0, .host) }
        let bootIDs = settings.bootstrapContainers.keys.map { HostContainerStatus.id(of: $0, .bootstrap) }
        return Outcome(problems: problems, ids: Set(ids + bootIDs).union(files.definedIDs()))
    }

    /// Takes away what a loss of power or a crash has left in the runtime: containers that are none any more, and parts of
    /// some.
    ///
    /// - Parameters:
    ///   - ids: the containers that may be there.
    ///   - eventLoop: what the connection to the runtime works on.
    public func sweep(keeping ids: Set<String>, eventLoop: any EventLoop) async {
        // Early in a boot it may not be there yet; what is left waits for the next time.
        guard access(paths.socket, F_OK) == 0 else { return }
        let runtime = ContainerRuntime(
            socket: paths.socket,
            namespace: HostContainerPaths.namespace,
            eventLoop: eventLoop
        )
        do throws(ContainerError) {
            for leftover in try await runtime.sweep(keeping: ids) { log("taken away: \(leftover)") }
        } catch {
            log("what a crash may have left is looked for the next time: \(error)")
        }
        await runtime.close()
    }

    /// Tells what is wrong with a container that could not even be asked for.
    private func tell(_ name: String, _ container: HostContainer, _ reason: String) {
        let id = HostContainerStatus.id(of: name, .host)
        let status = HostContainerStatus(
            name: name,
            kind: .host,
            desired: .running,
            state: .failed,
            image: .init(source: container.source?.text ?? ""),
            since: Timestamp(seconds: Int64(time(nil))),
            lastError: reason
        )
        do throws(HostContainersError) {
            try files.makeFolder(paths.runtime, mode: 0o755, durably: false)
            try files.makeFolder(paths.folder(id), mode: 0o700, durably: false)
            try files.write(status, of: id)
        } catch { log("\(error)") }
    }

    private func start(_ container: DefinedContainer, _ systemd: borrowing ServiceManager)
        throws(HostContainersError)
    {
        let definition = container.definition
        try files.write(container)
        // Of a unit at work with another definition, or none: "restart" starts it, too.
        let isInForce = files.digestInForce(definition.id) == definition.digest
        try ask(isInForce ? .start : .restart, definition.unit, systemd)
        log(
            "\(definition.name): \(isInForce ? "is to run as it does" : "is started with its new definition")"
        )
    }

    private func stop(_ name: String, _ systemd: borrowing ServiceManager) throws(HostContainersError) {
        try files.removeDefinition(HostContainerStatus.id(of: name, .host))
        try ask(.stop, HostContainerDefinition.unit(.host, name), systemd)
        log("\(name): is stopped; its folder '\(paths.hostStorage)/\(name)' stays")
    }

    private func ask(
        _ action: ServiceManager.Action,
        _ unit: String,
        _ systemd: borrowing ServiceManager
    ) throws(HostContainersError) {
        do throws(SystemdError) {
            // Settings may change often in a short time, which is no failure of the container.
            if action != .stop { try? systemd.resetFailed(unit: unit) }
            try systemd.enqueue(action, unit: unit)
        } catch {
            throw .systemd(unit: unit, error)
        }
    }

    /// The names of host containers that run, are just ending, wait for their next start or have a definition.
    private func running(_ systemd: borrowing ServiceManager) -> Set<String> {
        var names: Set<String> = []
        for id in files.definedIDs() {
            let (name, kind) = HostContainerStatus.parts(ofID: id)
            if kind == .host { names.insert(name) }
        }
        // Whoever is just ending has its time for that: without a definition, what is not listed here is swept away.
        return names.union(self.names(["active", "activating", "reloading", "deactivating"], systemd))
    }

    /// The names of host containers whose units are in one of these states.
    private func names(_ states: [String], _ systemd: borrowing ServiceManager) -> Set<String> {
        var names: Set<String> = []
        let prefix = "host-container@"
        let ending = ".service"
        for state in states {
            for unit in (try? systemd.units(inState: state)) ?? []
            where unit.hasPrefix(prefix) && unit.hasSuffix(ending) {
                names.insert(String(unit.dropFirst(prefix.count).dropLast(ending.count)))
            }
        }
        return names
    }
}
