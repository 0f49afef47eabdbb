import APIServer
import Foundation
import Glibc
import HostAPIServer
import JSON
import Logging
import SettingsApply
import TestSupport
import Testing

/// A host in a temporary folder: features, templates, store, and the real program serving it.
final class TestHost: @unchecked Sendable {
    let folder: TemporaryDirectory
    var socket: String { folder.file("api.sock") }
    /// Where the server looks for an updater; nobody is there unless a test puts one there.
    var updaterSocket: String { folder.file("updater.sock") }
    private var process: Process?

    static let features = [
        "login": """
        description = "What people read who log in."
        [defaults]
        [services.login]
        settings = ["motd"]
        files = ["motd"]
        restart = ["try-restart login.service"]
        [files.motd]
        path = "/etc/motd"
        template = "motd"
        mode = "0644"
        """,
        "name": """
        description = "The host's name."
        [defaults.network]
        hostname = "localhost"
        [generators]
        "updates.seed" = { command = ["/usr/lib/bulkhead/hostd", "generate", "seed"], strength = "weak" }
        [services.hostname]
        settings = ["network.hostname"]
        files = ["hostname"]
        restart = ["try-restart systemd-hostnamed.service"]
        [files.hostname]
        path = "/etc/hostname"
        template = "hostname"
        mode = "0640"
        """,
    ]

    static let templates = [
        "motd": "{{settings.motd}}\n",
        "hostname": "{{settings.network.hostname}}\n",
    ]

    /// - Parameter templates: replace those above.
    init(templates: [String: String] = [:]) throws {
        folder = try TemporaryDirectory()
        for name in ["features", "templates"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name),
                withIntermediateDirectories: true
            )
        }
        for (name, text) in Self.features {
            try text.write(toFile: folder.file("features/\(name).toml"), atomically: false, encoding: .utf8)
        }
        for (name, text) in Self.templates.merging(templates, uniquingKeysWith: { $1 }) {
            try text.write(toFile: folder.file("templates/\(name)"), atomically: false, encoding: .utf8)
        }
        let os = "PRETTY_NAME=\"Bulkhead 1.2.3\"\nVARIANT_ID=dev\nVERSION_ID=1.2.3\nBUILD_ID='abc'\n"
        try os.write(toFile: folder.file("os-release"), atomically: false, encoding: .utf8)
    }

    deinit { kill() }

    var arguments: [String] {
        [
            "--socket", socket, "--state", folder.file("state"), "--features", folder.file("features"),
            "--templates", folder.file("templates"), "--root", folder.file("run"),
            "--os-release", folder.file("os-release"), "--updater-socket", updaterSocket, "--no-systemd",
        ]
    }

    var options: APIServerOptions {
        get throws { try #require(try APIServerOptions(arguments: arguments)) }
    }

    /// Starts the program and waits until it answers.
    @discardableResult
    func start() throws -> TestHost {
        let process = Process()
        process.executableURL = URL(filePath: try builtProgram("bulkhead-host"))
        process.arguments = ["apiserver"] + arguments
        process.standardInput = FileHandle.nullDevice
        _ = FileManager.default.createFile(atPath: folder.file("log"), contents: nil)
        process.standardError = try FileHandle(forWritingTo: URL(filePath: folder.file("log")))
        try process.run()
        self.process = process
        for _ in 0..<600 {
            if (try? Wire(socket)) != nil { return self }
            guard process.isRunning else { break }
            usleep(50_000)
        }
        throw Wire.Failure("the server did not start: \(log)", 0)
    }

    /// What the server wrote to standard error.
    var log: String { (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? "" }

    /// The process, for signals.
    var pid: Int32 { process?.processIdentifier ?? -1 }

    /// SIGKILL, at once.
    func kill() {
        guard let process, process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    /// SIGTERM, and the exit status.
    func stop() -> Int32 {
        guard let process else { return -1 }
        process.terminate()
        process.waitUntilExit()
        self.process = nil
        return process.terminationStatus
    }

    /// One request on a connection of its own.
    @discardableResult
    func call(
        _ method: String,
        _ target: String,
        _ body: String? = nil,
        headers: [String] = []
    ) throws -> Wire.Response {
        let wire = try Wire(socket)
        wire.send(Self.request(method, target, body, headers: headers))
        return try wire.response()
    }

    static func request(_ method: String, _ target: String, _ body: String? = nil, headers: [String] = [])
        -> String
    {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for header in headers { head += header + "\r\n" }
        if let body {
            if !headers.contains(where: { $0.lowercased().hasPrefix("content-type") }) {
                head += "Content-Type: application/json\r\n"
            }
            head += "Content-Length: \(body.utf8.count)\r\n"
        }
        return head + "\r\n" + (body ?? "")
    }

    /// Sets and commits the message of the day.
    func commit(motd: String) throws {
        let staged = try call("PATCH", "/settings", #"{"motd":"\#(motd)"}"#)
        let committed = try call("POST", "/tx/commit")
        guard staged.status == 204, committed.status == 200 else {
            throw Wire.Failure("not committed: \(staged.status) \(committed.status) \(committed.text)", 0)
        }
    }

    /// A file as it was rendered.
    func rendered(_ path: String) -> String? {
        try? String(contentsOfFile: folder.file("run" + path), encoding: .utf8)
    }
}

/// A server in this process, with limits of its own.
func withServer<Result>(
    _ host: TestHost,
    limits: ServerLimits = ServerLimits(),
    services: (any ServiceRestarter)? = nil,
    _ body: () async throws -> Result
) async throws -> Result {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let options = try host.options
    let socket = try ListeningSocket.bind(path: options.socket, mode: 0o660)
    defer { unlink(options.socket) }
    let server = try await APIServer(
        options,
        limits: limits,
        socket: socket,
        services: services,
        logger: logger
    )
    do {
        let result = try await body()
        await server.stop()
        return result
    } catch {
        await server.stop()
        throw error
    }
}

/// Whether an answer is problem details with a status, whose text has a part.
func isProblem(_ response: Wire.Response, _ status: Int, _ part: String = "") -> Bool {
    response.status == status && response.type == "application/problem+json"
        && response.json["status"] == .integer(Int64(status))
        && (part.isEmpty || response.json["detail"]?.string?.contains(part) == true)
}

extension TestHost {
    /// Runs the program to its end.
    static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        try runTool(try builtProgram("bulkhead-host"), arguments)
    }
}
