import Foundation
import Hashing
import Processes

/// Chooses packages with apt's own solver, as if for a machine with nothing installed.
///
/// apt works in a private directory: the host's package database, sources and preferences have no influence,
/// while its proxies, certificates and passwords still apply. Root is not needed. Any number of resolvers may
/// work at the same time, in one process or several.
public struct AptResolver: Sendable {
    /// The architecture packages are chosen for, as Debian names it.
    public let architecture: String
    /// Where the archives are.
    public let archives: AptArchives
    /// Which suites packages are chosen from.
    public let suites: AptSuites
    /// The directory of this resolver's sources and package lists.
    let directory: String

    private var configurationFile: String { "\(directory)/apt.conf" }

    /// Describes a resolver; nothing is read or written yet.
    ///
    /// - Parameter stateDirectory: A directory for package lists, kept between runs so that unchanged lists are
    ///   not fetched again. Resolvers with different archives, suites or architectures can share it.
    /// - Throws: `AptError.invalidName` or `.state` for an unusable architecture or path.
    public init(
        archives: AptArchives,
        suites: AptSuites = .trixie,
        architecture: String,
        stateDirectory: String
    ) throws(AptError) {
        guard DebianName.isArchitecture(architecture), architecture != "all" else {
            throw .invalidName(String(architecture.prefix(80)), kind: "architecture")
        }
        let absolute = URL(filePath: stateDirectory).standardizedFileURL.path
        guard absolute.utf8.allSatisfy({ $0 >= 0x20 && !"\"\\;{}".utf8.contains($0) }) else {
            throw .state(
                path: absolute,
                reason:
                    "apt cannot have quotes, semicolons and the like in a path; choose another cache directory"
            )
        }
        self.archives = archives
        self.suites = suites
        self.architecture = architecture
        let sources = AptConfiguration(archives: archives, suites: suites, architecture: architecture).sources
        directory = "\(absolute)/\(architecture)-\(SHA256Digest(hashing: sources).hex.prefix(16))"
    }

    /// Fetches the package lists; lists that have not changed are only asked about.
    ///
    /// - Throws: `AptError`, when even one list is missing or its signature is wrong.
    public func update() async throws(AptError) {
        if case .signedBy(let path) = archives.trust, !FileManager.default.isReadableFile(atPath: path) {
            throw .keyringMissing(path: path)
        }
        let lock = try await prepare()
        defer { lock.release() }
        do {
            try await command("apt-get", ["-q", "update"], timeout: .seconds(900)).run()
        } catch {
            throw AptError(error)
        }
    }

    /// Chooses the requested packages with everything they depend on; ``update()`` must have run before.
    ///
    /// - Parameters:
    ///   - request: The names of packages.
    ///   - keeping: Packages of an older lock, which keep their versions as long as the archives have them.
    ///   - releasing: Names of kept packages that may move all the same. Packages from the same source move
    ///     with them, because Debian's depend on each other in just one version.
    ///   - everythingMoved: called when nothing could be kept, with the solver's last words.
    /// - Returns: The packages, sorted by name.
    /// - Throws: `AptError.unknownPackages`, `.unsatisfiable`, or what else went wrong.
    public func resolve(
        _ request: some Sequence<String>,
        keeping: [LockedPackage] = [],
        releasing: Set<String> = [],
        everythingMoved: (String) -> Void = { _ in }
    ) async throws(AptError) -> [LockedPackage] {
        let names = Set(request).sorted()
        for name in names where !DebianName.isPackage(name) {
            throw .invalidName(String(name.prefix(80)), kind: "package name")
        }
        guard !names.isEmpty else { return [] }
        let lock = try await prepare()
        defer { lock.release() }

        var kept = Self.keep(keeping, releasing: releasing)
        var reason = ""
        do {
            return try await describe(solve(names, keeping: kept))
        } catch .unsatisfiable(let message) where !kept.isEmpty {
            reason = message
        }
        // Packages whose version the archive no longer has move whatever apt is told, and may need newer versions
        // of what was kept. So more is let go, step by step.
        let records = try await candidates(of: keeping.map(\.name))
        var moving = releasing.union(
            keeping.filter { package in
                !(records[package.name] ?? []).contains { $0["version"] == package.version }
            }.map(\.name)
        )
        for _ in 0..<2 {
            let wider = Self.keep(keeping, releasing: moving)
            if wider.count < kept.count, !wider.isEmpty {
                kept = wider
                do {
                    return try await describe(solve(names, keeping: kept))
                } catch .unsatisfiable(let message) {
                    reason = message
                }
            }
            moving = Self.withNeighbours(moving, of: keeping, records: records)
        }
        let packages = try await describe(solve(names, keeping: []))
        everythingMoved(reason)
        return packages
    }

    /// What is kept when packages are released: nothing that is built from the same source as one of them.
    private static func keep(_ packages: [LockedPackage], releasing: Set<String>) -> [LockedPackage] {
        let sources = Set(packages.filter { releasing.contains($0.name) }.map(\.source))
        return packages.filter { !sources.contains($0.source) && !releasing.contains($0.name) }
    }

    /// Packages with those that depend directly on them or on which they do, in any version.
    private static func withNeighbours(
        _ names: Set<String>,
        of packages: [LockedPackage],
        records: [String: [AptRecord]]
    ) -> Set<String> {
        let sources = Set(packages.filter { names.contains($0.name) }.map(\.source))
        let moving = names.union(packages.filter { sources.contains($0.source) }.map(\.name))
        var result = moving
        for package in packages {
            let needed = Set((records[package.name] ?? []).flatMap(\.dependencies))
            if moving.contains(package.name) { result.formUnion(needed) }
            if !needed.isDisjoint(with: moving) { result.insert(package.name) }
        }
        return result
    }

    /// The records of all versions that the archives have of packages.
    private func candidates(of names: [String]) async throws(AptError) -> [String: [AptRecord]] {
        let output: CommandOutput
        do {
            // Its status says only whether one of the names is unknown, which here is no error.
            output = try await command("apt-cache", ["show"] + names).runReturningStatus()
        } catch {
            throw AptError(error)
        }
        return Dictionary(grouping: AptRecord.parse(output.text)) { $0["package"] ?? "" }
    }

    /// Runs the solver and returns its lines about files to fetch, which are all packages: none is installed.
    private func solve(_ names: [String], keeping: [LockedPackage]) async throws(AptError) -> [Substring] {
        do {
            try DurableFile.write(
                Array(AptConfiguration.preferences(keeping: keeping).utf8),
                to: "\(directory)/preferences"
            )
        } catch {
            throw .state(path: directory, reason: "\(error)")
        }
        let output: CommandOutput
        do {
            output = try await command("apt-get", ["-q", "--print-uris", "install"] + names)
                .runReturningStatus()
        } catch {
            throw AptError(error)
        }
        guard output.status.isSuccess else { throw solverError(output) }
        return output.text.split(separator: "\n").filter { $0.hasPrefix("'") }
    }

    private func solverError(_ output: CommandOutput) -> AptError {
        let unknown = output.standardError.split(separator: "\n").compactMap { line -> String? in
            for prefix in ["E: Unable to locate package ", "E: Couldn't find any package by "]
            where line.hasPrefix(prefix) {
                return line.split(separator: " ").last.map { $0.trimmingCharacters(in: ["'"]) }
            }
            guard line.hasPrefix("E: Package '"), line.hasSuffix("' has no installation candidate") else {
                return nil
            }
            return line.split(separator: "'").dropFirst().first.map(String.init)
        }
        if !unknown.isEmpty {
            return .unknownPackages(Set(unknown).sorted(), suites: suites.suites, architecture: architecture)
        }
        // apt explains itself on standard output and only concludes on standard error.
        var lines = output.text.split(separator: "\n").map(String.init)
        if let start = lines.firstIndex(where: { $0.contains("unmet dependencies") }) {
            lines = Array(lines[start...].prefix(20))
        } else {
            lines = []
        }
        lines += output.standardError.split(separator: "\n").filter { $0.hasPrefix("E:") }.map(String.init)
        return .unsatisfiable(message: lines.joined(separator: "\n"))
    }

    /// Reads the records of the chosen files.
    private func describe(_ lines: [Substring]) async throws(AptError) -> [LockedPackage] {
        var chosen: [(archive: ArchiveName, path: String, size: String)] = []
        var keys: [String] = []
        for line in lines {
            // 'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE HASH
            let quoted = line.split(separator: "'", omittingEmptySubsequences: false)
            let fields = quoted.count == 3 ? quoted[2].split(separator: " ") : []
            let key = fields.first?.split(separator: "_") ?? []
            guard fields.count >= 2, key.count == 3, let place = archives.locate(String(quoted[1])) else {
                throw .unexpectedOutput(
                    command: "apt-get --print-uris install",
                    problem: "'\(line.prefix(200))'"
                )
            }
            chosen.append((place.archive, place.path, String(fields[1])))
            keys.append("\(key[0])=\(AptArchives.percentDecoded(key[1]))")
        }
        guard !keys.isEmpty else { return [] }
        let output: CommandOutput
        do {
            output = try await command("apt-cache", ["show"] + keys).run()
        } catch {
            throw AptError(error)
        }
        let records = Dictionary(grouping: AptRecord.parse(output.text)) { $0.filename ?? "" }
        var packages: [LockedPackage] = []
        for (archive, path, size) in chosen {
            let candidates = records[path] ?? []
            guard let record = candidates.first(where: { $0["size"] == size }) ?? candidates.first else {
                throw .unexpectedOutput(command: "apt-cache show", problem: "no record of '\(path)'")
            }
            do {
                guard let package = try record.package(in: archive) else {
                    throw AptError.unexpectedOutput(
                        command: "apt-cache show",
                        problem: "the record of '\(path)' lacks a field, or its SHA-256 is not one"
                    )
                }
                packages.append(package)
            } catch let error as AptError {
                throw error
            } catch {
                throw .unexpectedOutput(command: "apt-cache show", problem: "\(error)")
            }
        }
        return packages.sorted { $0.name < $1.name }
    }

    private func command(
        _ program: String,
        _ arguments: [String],
        timeout: Duration = .seconds(120)
    ) -> Command {
        Command(
            program,
            ["-c", configurationFile] + arguments,
            environmentOverrides: ["LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"],
            timeout: timeout,
            remedy: "this needs a Debian machine with apt"
        )
    }

    /// Makes the private directory and its files, and holds its lock.
    private func prepare() async throws(AptError) -> DirectoryLock {
        let configuration = AptConfiguration(archives: archives, suites: suites, architecture: architecture)
        do {
            for name in ["lists/partial", "cache/archives/partial", "none.d"] {
                try FileManager.default.createDirectory(
                    atPath: "\(directory)/\(name)",
                    withIntermediateDirectories: true
                )
            }
        } catch {
            throw .state(
                path: directory,
                reason: "\(error.localizedDescription); check its owner and the free space"
            )
        }
        let lock = try await DirectoryLock.acquire(directory)
        do {
            let files = [
                "archives.sources": configuration.sources,
                "apt.conf": configuration.configuration(directory: directory),
                "status": "",
            ]
            for (name, text) in files {
                // apt builds its binary cache anew when one of these files is younger.
                let path = "\(directory)/\(name)"
                if FileManager.default.contents(atPath: path) == Data(text.utf8) { continue }
                try DurableFile.write(Array(text.utf8), to: path)
            }
        } catch {
            lock.release()
            throw .state(path: directory, reason: "\(error)")
        }
        return lock
    }
}
