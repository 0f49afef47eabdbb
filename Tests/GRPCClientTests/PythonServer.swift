import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// `server.py`, a server with Python's grpcio, on a socket of its own.
final class PythonServer: Sendable {
    /// The one that all tests use which do not stop it.
    static let shared = Result { try PythonServer() }

    /// The interpreter that has grpcio, or nil: then there are no tests against it.
    static let python: String? = {
        var candidates = ["python3"]
        if let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"] {
            candidates.insert("\(venv)/bin/python3", at: 0)
        }
        return candidates.first { (try? runTool($0, "-c", "import grpc").status) == 0 }
    }()

    static let skipped: Comment =
        "SKIPPED: python module grpc is neither in $BULKHEAD_VENV nor in the system: make test installs it"

    let socket: String
    private let place: TemporaryDirectory
    private let process = Mutex<Process?>(nil)

    init() throws {
        place = try TemporaryDirectory()
        LeftOvers.add(path: place.path)
        socket = place.file("s")
        try start()
    }

    deinit { kill() }

    /// Starts it (again) and waits until it listens.
    func start() throws {
        let ready = "\(socket).ready"
        try? FileManager.default.removeItem(atPath: ready)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "server.py").path
        process.arguments = [try #require(Self.python), script, socket]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        LeftOvers.add(process: process.processIdentifier)
        self.process.withLock { $0 = process }
        for _ in 0..<600 where !FileManager.default.fileExists(atPath: ready) { usleep(50_000) }
        try #require(FileManager.default.fileExists(atPath: ready), "server.py does not listen after 30 s")
    }

    /// Kills it and waits until it is gone.
    func kill() {
        let process = self.process.withLock { process in
            defer { process = nil }
            return process
        }
        guard let process else { return }
        LeftOvers.end(process: process.processIdentifier)
        process.waitUntilExit()
    }
}
