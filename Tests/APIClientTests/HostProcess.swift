import Foundation
import HostAPI
import HostAPIClient
import JSON
import TestSupport
import Testing

/// A real API server with its own folders, and the real client, both as processes.
final class HostProcess: Sendable {
    let folder: TemporaryDirectory
    let program: String
    private let server: Process
    var socket: String { folder.file("api.sock") }

    /// Starts the server and waits until it answers.
    init() async throws {
        folder = try TemporaryDirectory()
        program = try builtProgram("bulkhead-host")
        for name in ["features", "templates", "root", "state"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name),
                withIntermediateDirectories: true
            )
        }
        try Self.feature.write(toFile: folder.file("features/motd.toml"), atomically: true, encoding: .utf8)
        try "{{settings.motd}}\n".write(
            toFile: folder.file("templates/motd"),
            atomically: true,
            encoding: .utf8
        )
        try "ID=bulkhead\nVERSION_ID=1.2.3\nVARIANT_ID=test\nBUILD_ID=abc\nPRETTY_NAME=\"Bulkhead 1.2.3\"\n"
            .write(toFile: folder.file("os-release"), atomically: true, encoding: .utf8)
        server = Process()
        server.executableURL = URL(filePath: program)
        server.arguments = [
            "apiserver", "--socket", folder.file("api.sock"), "--state", folder.file("state"),
            "--features", folder.file("features"), "--templates", folder.file("templates"),
            "--root", folder.file("root"), "--os-release", folder.file("os-release"), "--no-systemd",
        ]
        let log = folder.file("server.log")
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        server.standardError = FileHandle(forWritingAtPath: log)
        server.standardInput = FileHandle.nullDevice
        try server.run()
        for _ in 0..<600 {
            if (try? await HostAPIClient(socketPath: socket).call(.getOS)) != nil { return }
            if !server.isRunning { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record(
            "the server does not answer: \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")"
        )
    }

    deinit {
        if server.isRunning { kill(server.processIdentifier, SIGKILL) }
        server.waitUntilExit()
    }

    private static let feature = """
        description = "The message of the day."
        [defaults]
        motd = "Welcome"
        [services.motd]
        settings = ["motd"]
        files = ["motd"]
        restart = ["try-restart motd.service"]
        [files.motd]
        path = "/etc/motd"
        template = "motd"
        """

    /// What a run of the client gave.
    struct Run {
        var status: Int32
        var output: String
        var errors: String

        /// The output as JSON.
        var json: JSONValue? { try? JSONValue(parsing: output) }
    }

    /// Runs the client on this host's socket.
    func client(_ arguments: String..., input: String? = nil) async throws -> Run {
        try await Self.run(program, ["apiclient", "-s", socket] + arguments, input: input, in: folder)
    }

    /// The content of a rendered file; nil if there is none.
    func rendered(_ path: String) -> String? {
        try? String(contentsOfFile: folder.file("root" + path), encoding: .utf8)
    }

    /// Runs a program with files for its input and output, so that it never waits for the test.
    static func run(
        _ program: String,
        _ arguments: [String],
        input: String? = nil,
        in folder: TemporaryDirectory
    ) async throws -> Run {
        let name = UUID().uuidString
        func file(_ kind: String, _ content: String = "") throws -> String {
            let path = folder.file("\(name).\(kind)")
            try content.write(toFile: path, atomically: false, encoding: .utf8)
            return path
        }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardInput = FileHandle(forReadingAtPath: try file("in", input ?? ""))
        let (output, errors) = (try file("out"), try file("err"))
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in done.resume() }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        return Run(
            status: process.terminationReason == .exit
                ? process.terminationStatus : -process.terminationStatus,
            output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8)
        )
    }
}
