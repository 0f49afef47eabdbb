import Glibc
import HostAPI
import Hashing
import SettingsModel
import Systemd

/// Runs what settings want before the workloads: bootstrap commands, then bootstrap containers, each in the order of their
/// names: `hostd bootstrap`.
public struct Bootstrap: Sendable {
    /// What it needs of others.
    public struct Actions: Sendable {
        /// Runs `apiclient` with arguments, for a time at most; the result is what was wrong, nil if nothing was.
        public var command: @Sendable ([String], Duration) async -> String?
        /// Sets the mode of something that has run once to `off`: the key's group and name.
        public var switchOff: @Sendable (_ group: String, _ name: String) async throws -> Void
        /// Takes lines for the journal and the console.
        public var log: @Sendable (String) -> Void

        /// States what there is.
        public init(
            command: @escaping @Sendable ([String], Duration) async -> String?,
            switchOff: @escaping @Sendable (_ group: String, _ name: String) async throws -> Void,
            log: @escaping @Sendable (String) -> Void
        ) {
            (self.command, self.switchOff, self.log) = (command, switchOff, log)
        }
    }

    /// How long all of it, and one part of it, may take.
    public struct Limits: Sendable, Equatable {
        /// All together: well below bulkhead-trial-deadline.timer, so that a version on trial has time for its checks.
        public var total = Duration.seconds(600)
        /// One container, with its image, or the commands under one name.
        public var each = Duration.seconds(300)
        /// The end of a container whose time is over.
        public var stop = Duration.seconds(60)

        /// The limits of a host.
        public init() {}
    }

    /// Something that went wrong.
    public struct Failure: Sendable, Equatable {
        /// What, as a key of the settings: `bootstrap-containers.NAME`.
        public var key: String
        /// Why.
        public var reason: String
        /// Whether workloads must not be started.
        public var isEssential: Bool
    }

    private let paths: HostContainerPaths
    private let files: ContainerFiles
    private let markers: BootstrapMarkers
    private let address: String?
    private let limits: Limits
    private let actions: Actions

    /// What runs at boot.
    ///
    /// - Parameters:
    ///   - paths: where the files are.
    ///   - address: where the message bus is; nil for the system's.
    ///   - limits: how long it may take.
    ///   - actions: what it needs of others.
    public init(
        paths: HostContainerPaths = HostContainerPaths(),
        address: String? = nil,
        limits: Limits = Limits(),
        actions: Actions
    ) {
        (self.paths, self.address, self.limits, self.actions) = (paths, address, limits, actions)
        files = ContainerFiles(paths: paths)
        markers = BootstrapMarkers(paths: paths)
    }

    /// Runs everything, one after the other; after an essential one that failed nothing more is run.
    ///
    /// - Returns: what went wrong; empty if nothing did.
    /// - Throws: `HostContainersError` when the settings can't be read.
    public func run() async throws(HostContainersError) -> [Failure] {
        let settings = try ContainerSettings(reading: paths.settings)
        try markers.removeStale(settings)
        let end = ContinuousClock.now + limits.total
        var failures = await run(commandParts(settings), until: end)
        guard !failures.contains(where: \.isEssential) else { return failures }
        // Once more: commands are there to change settings, those of the containers too.
        let containers = containerParts(try ContainerSettings(reading: paths.settings))
        failures += await run(containers, until: end)
        return failures
    }

    /// Runs parts, one after the other, up to an essential one that fails; the result is what was wrong.
    private func run(_ parts: [Part], until end: ContinuousClock.Instant) async -> [Failure] {
        var failures: [Failure] = []
        for part in parts {
            if part.isDone(markers) {
                await switchOff(part)
                continue
            }
            let left = min(limits.each, end - .now)
            actions.log("\(part.key): starts, for \(max(left.components.seconds, 0)) seconds at most")
            let fault =
                left > .zero
                ? await run(part, left) : Fault("there was no time left: all together get \(limits.total)")
            // What must have succeeded is not done as long as it fails.
            let isDone = fault == nil || !part.isEssential
            if part.runsOnce, isDone, hasRun(part) { await noteAndSwitchOff(part) }
            guard let fault else {
                actions.log("\(part.key): done")
                continue
            }
            actions.log("\(part.key): FAILED: \(fault.reason)")
            if part.group == .containers, !fault.isTold { tell(part, fault.reason) }
            failures.append(Failure(key: part.key, reason: fault.reason, isEssential: part.isEssential))
            if part.isEssential { break }
        }
        return failures
    }

    /// Tells of a container that failed where it could not do so itself: it was stopped, or never began.
    private func tell(_ part: Part, _ reason: String) {
        let id = HostContainerStatus.id(of: part.name, .bootstrap)
        let status = HostContainerStatus(
            name: part.name,
            kind: .bootstrap,
            desired: part.runsOnce ? .once : .always,
            state: .failed,
            image: .init(source: part.source),
            since: Timestamp(seconds: Int64(time(nil))),
            lastError: reason
        )
        do throws(HostContainersError) {
            try files.makeFolder(paths.runtime, mode: 0o755, durably: false)
            try files.makeFolder(paths.folder(id), mode: 0o700, durably: false)
            try files.write(status, of: id)
        } catch { actions.log("\(part.key): what became of it can't be told: \(error)") }
    }

    /// What was wrong with a part.
    private struct Fault {
        var reason: String
        /// Whether a container's supervisor has told it already.
        var isTold: Bool

        init(_ reason: String, isTold: Bool = false) {
            self.reason = reason
            self.isTold = isTold
        }
    }

    // MARK: - Parts

    private struct Part: Sendable {
        enum Work: Sendable {
            case commands([[String]])
            case container(DefinedContainer)
            /// What is wrong with its settings.
            case bad(HostContainersError)
        }

        var group: BootstrapMarkers.Group
        var name: String
        var runsOnce: Bool
        var isEssential: Bool
        var work: Work
        /// The image of a container; empty for commands and where none is set.
        var source = ""

        var settingsGroup: String { "bootstrap-\(group.rawValue)" }
        var key: String { "\(settingsGroup).\(name)" }

        var digest: String {
            switch work {
            case .commands(let commands): SHA256Digest(hashing: "\(commands)").hex
            case .container(let container): container.definition.digest
            case .bad: ""
            }
        }

        func isDone(_ markers: BootstrapMarkers) -> Bool {
            runsOnce && markers.hasRun(group, name, digest: digest)
        }
    }

    private func commandParts(_ settings: ContainerSettings) -> [Part] {
        var parts: [Part] = []
        for (name, commands) in settings.bootstrapCommands.sorted(by: { $0.key < $1.key }) {
            guard let mode = commands.mode, mode != .off else { continue }
            parts.append(
                Part(
                    group: .commands,
                    name: name,
                    runsOnce: mode == .once,
                    isEssential: commands.essential == true,
                    work: .commands((commands.commands ?? []).map { $0.words.map(\.text) })
                )
            )
        }
        return parts
    }

    private func containerParts(_ settings: ContainerSettings) -> [Part] {
        var parts: [Part] = []
        for (name, container) in settings.bootstrapContainers.sorted(by: { $0.key < $1.key }) {
            guard let mode = container.mode, mode != .off else { continue }
            let work: Part.Work
            do throws(HostContainersError) {
                work = .container(try settings.bootstrapContainer(name, container))
            } catch { work = .bad(error) }
            parts.append(
                Part(
                    group: .containers,
                    name: name,
                    runsOnce: mode == .once,
                    isEssential: container.essential == true,
                    work: work,
                    source: container.source?.text ?? ""
                )
            )
        }
        return parts
    }

    /// Runs one part; the result is what was wrong.
    private func run(_ part: Part, _ limit: Duration) async -> Fault? {
        switch part.work {
        case .bad(let error): return Fault(error.description)
        case .commands(let commands):
            let end = ContinuousClock.now + limit
            for (index, command) in commands.enumerated() {
                let left = end - .now
                guard left > .zero else {
                    return Fault("not all commands were run within \(limit.components.seconds) seconds")
                }
                if let reason = await actions.command(Array(command.dropFirst()), left) {
                    // Not all of it: arguments may be secrets, and this is shown on the console and kept in the journal.
                    let shown = command.prefix(2).joined(separator: " ")
                    return Fault("command \(index + 1) of \(commands.count), '\(shown)': \(reason)")
                }
            }
            return nil
        case .container(let container):
            do throws(HostContainersError) {
                try files.write(container)
                try files.setStarted(false, container.definition.id)
            } catch { return Fault(error.description) }
            return start(container.definition, limit)
        }
    }

    private func start(_ definition: HostContainerDefinition, _ limit: Duration) -> Fault? {
        do throws(SystemdError) {
            var systemd =
                if let address { try ServiceManager(address: address) } else { try ServiceManager() }
            let result = try systemd.perform(.start, unit: definition.unit, timeout: limit)
            switch result {
            case .done: return nil
            case .unfinished:
                _ = try? systemd.perform(.stop, unit: definition.unit, timeout: limits.stop)
                return Fault("it did not end within \(limit.components.seconds) seconds and was stopped")
            case .failed, .timedOut, .dependency, .skipped, .other:
                guard let told = files.status(definition.id)?.lastError else {
                    return Fault(result.description)
                }
                return Fault(told, isTold: true)
            }
        } catch {
            return Fault("\(definition.unit): \(error)")
        }
    }

    // MARK: - Once

    /// Whether anything of a part ran just now: what could not even be started is tried again at the next boot.
    private func hasRun(_ part: Part) -> Bool {
        switch part.work {
        case .bad: false
        case .commands: true
        case .container(let container): files.wasStarted(container.definition.id)
        }
    }

    /// Notes that something ran, and sets its mode to `off`.
    private func noteAndSwitchOff(_ part: Part) async {
        do throws(HostContainersError) { try markers.note(part.group, part.name, digest: part.digest) } catch
        {
            actions.log("\(part.key): that it ran could not be noted, so it may run once more: \(error)")
        }
        await switchOff(part)
    }

    private func switchOff(_ part: Part) async {
        do { try await actions.switchOff(part.settingsGroup, part.name) } catch {
            // The note keeps it from running again; the next boot tries again.
            actions.log("\(part.key): it ran, and its mode could not be set to off: \(error)")
        }
    }
}
