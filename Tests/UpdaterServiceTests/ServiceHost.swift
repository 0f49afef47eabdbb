import Foundation
import GPT
import Hashing
import HostAPI
import HostAPIClient
import JSON
import Synchronization
import TestSupport
import Testing

@testable import UpdateFixtures

/// A host with a disk of its own, on which the real service runs as a process, and the real command.
final class ServiceHost: Sendable {
    let folder: TemporaryDirectory
    let repository: SampleRepository
    private let program: String
    private let server = Mutex<Process?>(nil)

    var socket: String { folder.file("updater.sock") }
    var client: HostAPIClient { HostAPIClient(socketPath: socket) }

    /// A host that runs 1.0.0; its service does not run yet.
    init() async throws {
        folder = try TemporaryDirectory()
        program = try builtProgram("bulkhead-host")
        repository = try await SampleRepository.shared.value
        for name in [
            "usr/lib", "usr/share/bulkhead", "proc", "etc/bulkhead", "state/updates", "var/lib", "run",
            "sys/firmware/efi/efivars",
        ] {
            try FileManager.default.createDirectory(
                atPath: folder.file("host/\(name)"),
                withIntermediateDirectories: true
            )
        }
        try repository.disk.disk.save(to: folder.file("disk"))
        try FileManager.default.copyItem(
            atPath: repository.path + "/metadata/1.root.json",
            toPath: folder.file("host/usr/share/bulkhead/update-root.json")
        )
        try configure()
        try boot(repository.releases[0], counting: nil)
    }

    deinit { stop(SIGKILL) }

    /// Writes what settings say.
    func configure(_ members: [String: JSONValue] = [:]) throws {
        var all: [String: JSONValue] = [
            "metadata-base-url": .string("file://\(repository.path)/metadata"),
            "targets-base-url": .string("file://\(repository.path)/targets"), "seed": 1,
            "version-lock": "latest", "ignore-waves": false,
        ]
        for (name, value) in members { all[name] = value }
        try write(JSONValue.object(all).description, to: "etc/bulkhead/updater.json")
    }

    /// What the next start of the machine runs; `counting` is the entry that the loader says it counted.
    func boot(_ release: SampleRelease, counting entry: String?) throws {
        stop(SIGTERM)
        try? FileManager.default.removeItem(atPath: folder.file("host/run/bulkhead-updater"))
        try write("VARIANT_ID=vm\nVERSION_ID=\(release.version)\n", to: "usr/lib/os-release")
        try write("quiet roothash=\(release.rootHash.hex)\n", to: "proc/cmdline")
        let variable =
            "sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
        try? FileManager.default.removeItem(atPath: folder.file("host/\(variable)"))
        guard let entry else { return }
        var bytes: [UInt8] = [6, 0, 0, 0]
        for unit in "\\EFI\\Linux\\\(entry)\0".utf16 { bytes += [UInt8(unit & 0xff), UInt8(unit >> 8)] }
        try Data(bytes).write(to: URL(filePath: folder.file("host/\(variable)")))
    }

    func write(_ text: String, to path: String) throws {
        try text.write(toFile: folder.file("host/\(path)"), atomically: true, encoding: .utf8)
    }

    func remove(_ path: String) throws {
        try FileManager.default.removeItem(atPath: folder.file("host/\(path)"))
    }

    // MARK: The service

    /// Starts the service and waits until it answers.
    func start() async throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = [
            "updater", "serve", "--socket", socket, "--host", folder.file("host"), "--disk",
            folder.file("disk"),
        ]
        let log = folder.file("log")
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        let handle = try #require(FileHandle(forWritingAtPath: log))
        try handle.seekToEnd()
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let started = process
        server.withLock { $0 = started }
        for _ in 0..<600 {
            if try await status("GET", "/updates/status") != nil { return }
            if !process.isRunning { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("the service does not answer: \(self.log)")
    }

    /// Ends the service and waits for its end.
    @discardableResult func stop(_ signal: Int32) -> Int32? {
        let process = server.withLock { server in
            let taken = server
            server = nil
            return taken
        }
        guard let process else { return nil }
        if process.isRunning { kill(process.processIdentifier, signal) }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// What the service has logged.
    var log: String { (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? "" }

    // MARK: Questions

    /// The status of HTTP that a request gets; nil if nobody answers.
    func status(_ method: String, _ path: String) async throws -> Int? {
        try? await client.raw(method: method, uri: path).status
    }

    /// Waits until no command is at work; the update's status then.
    func idle() async throws -> UpdateStatus {
        for _ in 0..<600 {
            let answer = try await client.raw(method: "GET", uri: "/updates/status")
            if answer.status == 200 { return try UpdateStatus(json: answer.json()) }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ToolFailure(text: "the command does not end: \(log)")
    }

    struct Run: Sendable {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Runs what the unit runs when settings changed.
    func checkConfiguration() async throws -> Run {
        try await run(["check-configuration", "--host", folder.file("host")])
    }

    /// Runs the command, on the socket of this host.
    func updater(_ arguments: String...) async throws -> Run {
        try await run(arguments + ["--socket", socket])
    }

    private func run(_ arguments: [String]) async throws -> Run {
        let name = UUID().uuidString
        let files = ["out", "err"].map { folder.file("\(name).\($0)") }
        for file in files { _ = FileManager.default.createFile(atPath: file, contents: nil) }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = ["updater"] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: files[0])
        process.standardError = FileHandle(forWritingAtPath: files[1])
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in done.resume() }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        return Run(
            status: process.terminationStatus,
            output: try String(contentsOfFile: files[0], encoding: .utf8),
            errors: try String(contentsOfFile: files[1], encoding: .utf8)
        )
    }

    /// The boot entries, as mtools has them.
    func entries() throws -> [String] {
        let place = repository.disk.table.partitions[0].offset
        let (status, output) = try runTool(
            "mdir",
            "-i",
            "\(folder.file("disk"))@@\(place)",
            "-b",
            "::/EFI/Linux"
        )
        guard status == 0 else { throw ToolFailure(text: output) }
        return output.split(separator: "\n").compactMap { $0.split(separator: "/").last.map(String.init) }
            .sorted()
    }
}

/// A server that takes connections and never answers.
final class SilentServer: Sendable {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        if !bound { throw ToolFailure(text: "no port to listen on") }
    }

    deinit { close(descriptor) }

    var url: String { "http://127.0.0.1:\(port)" }

    /// Whether somebody waits for an answer.
    var isAsked: Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, 0) == 1
    }
}
